"""The `onhand` command as users have it: installed from a wheel, and running a whole stack."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition

from onhand.deploy.stack.children import started_at
from onhand.deploy.stack.down import stop
from onhand.deploy.stack.errors import Refused, StackError, Usage
from onhand.deploy.stack.foreground import detach
from onhand.deploy.stack.state import StateDir
from onhand.schemas.topics import COMMANDS, DEFAULT_PARTITIONS, REQUESTS
from tests.cli.conftest import Done, Onhand, run
from tests.stack.waiting import until

PROJECT = Path(__file__).parents[2]
SERVERS = ("ONHAND_KAFKA", "ONHAND_REDIS", "ONHAND_POSTGRES")


def onhand(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ONHAND_")} | more
    return subprocess.run([sys.executable, "-m", "onhand.deploy.cli", *words], capture_output=True, text=True, env=env)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Onhand:
    """The command in this process: quicker, for what ends before it does anything. Variables as keywords."""

    def told(*words: str, **variables: str) -> Done:
        for name in [name for name in os.environ if name.startswith("ONHAND_")]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return run(*words)

    return told


def up(state_dir: Path) -> dict[str, Any]:
    done = onhand("up", "--detach", "--workers", "0", "--lock-nodes", "--json", "--state", str(state_dir))
    assert done.returncode == 0, done.stderr
    endpoints = json.loads(done.stdout)
    assert endpoints == json.loads((state_dir / "endpoints.json").read_text())
    return dict(endpoints)


@pytest.fixture
def installation(state_dir: Path) -> Iterator[Path]:
    """A state directory in which nothing runs any more after the test."""
    yield state_dir
    stop(StateDir.at(state_dir))


def test_up_and_down_and_up_after_a_kill_of_everything(installation: Path) -> None:
    first = up(installation)
    _write_everywhere(first)
    data = [installation / name for name in ("kafka", "redis", "postgres", "locks")]
    assert [folder.stat().st_mode & 0o777 for folder in data] == [0o700] * 4
    assert first["processes"].keys() == {"kafka", "redis", "postgres", *(f"lock-{number}" for number in range(1, 6))}
    assert len(first["lock_nodes"].split(",")) == 5
    assert onhand("up", "--detach", "--state", str(installation)).returncode == 1
    assert _json("migrate", installation) == {"applied": [], "functions": False}
    assert _json("topics", installation) == {"partitions": DEFAULT_PARTITIONS}
    assert _json("down", installation) == {"stopped": True}
    assert not [pid for pid in first["processes"].values() if started_at(pid)]

    second = up(installation)
    assert _addresses(second) == _addresses(first)
    _is_everywhere(second)
    supervisor = json.loads((installation / "run.json").read_text())["supervisor"]["pid"]
    for pid in [supervisor, *second["processes"].values()]:
        psutil.Process(pid).kill()

    third = up(installation)
    assert _addresses(third) == _addresses(first)
    _is_everywhere(third)


def test_in_the_foreground_no_password_is_shown_and_ctrl_c_stops_all(installation: Path) -> None:
    with _foreground(installation, "--lock-nodes") as supervisor:
        endpoints = until(lambda: _told(installation / "endpoints.json"), within_s=60)
        supervisor.send_signal(signal.SIGINT)
        _, shown = supervisor.communicate(timeout=30)
    secrets = StateDir(installation).secrets()
    assert supervisor.returncode == 0
    assert "redis://:***@127.0.0.1" in shown
    assert not [secret for secret in secrets.values() if secret in shown]
    assert not [pid for pid in endpoints["processes"].values() if started_at(pid)]


def test_ctrl_c_while_it_starts_stops_what_was_started(installation: Path) -> None:
    with _foreground(installation) as supervisor:
        kafka = until(lambda: _kafka_begins(installation), within_s=60)
        supervisor.send_signal(signal.SIGINT)
        supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0
    assert started_at(kafka["pid"]) is None
    assert not (installation / "run.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_in_the_background_that_is_interrupted_leaves_nothing(
    installation: Path, number: signal.Signals
) -> None:
    with _foreground(installation, "--detach") as starter:
        kafka = until(lambda: _kafka_begins(installation), within_s=60)
        starter.send_signal(number)
        _, shown = starter.communicate(timeout=60)
    assert starter.returncode == 130, shown
    assert started_at(kafka["pid"]) is None
    with StateDir(installation).owned():
        assert not (installation / "run.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["up", "--workers", "-1"],
        ["worker", "nobody"],
        ["up", "--redis-port", "x"],
        ["demo", "--fresh", "--state", "x"],
    ],
)
def test_wrong_usage_is_2(here: Onhand, words: list[str], tmp_path: Path) -> None:
    assert here(*words, ONHAND_STATE=str(tmp_path)).code == 2


@pytest.mark.parametrize("words", [["up"], ["up", "--detach"], ["topics"], ["status"], ["audit"], ["worker", "gate"]])
def test_a_malformed_or_missing_setting_is_2_in_a_line(here: Onhand, words: list[str], tmp_path: Path) -> None:
    servers = {
        "ONHAND_KAFKA": "127.0.0.1:1",
        "ONHAND_REDIS": "redis://127.0.0.1:1/0",
        "ONHAND_POSTGRES": "postgresql://127.0.0.1:1/d",
    }
    wrong = [{"ONHAND_PARTITIONS": "x"}, {"ONHAND_REDIS": "127.0.0.1:6379"}]
    for more in [*wrong, {}] if words[0] in ("audit", "worker") else wrong:
        done = here(*words, "--state", str(tmp_path), **servers | more)
        assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
        assert next(iter(more), "ONHAND_SECRET") in done.err


@pytest.mark.parametrize("words", [["migrate"], ["topics"]])
def test_where_nothing_runs_it_is_3(words: list[str], tmp_path: Path) -> None:
    done = onhand(*words, "--state", str(tmp_path))
    assert done.returncode == 3
    assert "onhand up" in done.stderr


@pytest.mark.parametrize("words", [["up"], ["up", "--detach"], ["down"]])
def test_a_directory_that_cannot_be_written_is_1_in_a_line(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "lock").mkdir()  # which not even root can open to write
    done = onhand(*words, "--state", str(tmp_path))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert f"{tmp_path}/lock" in done.stderr


@pytest.mark.parametrize(("words", "fault"), [(["--workers", "-1"], Usage), (["--state", "/dev/null"], Refused)])
def test_a_start_in_the_background_fails_as_it_would_in_the_foreground(
    words: list[str], fault: type[StackError], tmp_path: Path
) -> None:
    told = f"Invalid value for '{words[0]}'" if fault is Usage else words[1]
    with pytest.raises(fault, match=told):
        detach(StateDir.at(tmp_path), words)


def test_an_external_server_that_is_away_is_3_without_its_password(installation: Path) -> None:
    away = {name: "127.0.0.1:1" for name in SERVERS[:1]} | {
        "ONHAND_REDIS": "redis://:s3cret@127.0.0.1:1/0",
        "ONHAND_POSTGRES": "postgresql://u:s3cret@127.0.0.1:1/d",
    }
    done = onhand("up", "--workers", "0", "--state", str(installation), **away)
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "PostgreSQL is away" in done.stderr
    assert "s3cret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_down_where_nothing_runs_is_done(tmp_path: Path) -> None:
    done = onhand("down", "--state", str(tmp_path / "none"))
    assert done.returncode == 0
    assert "nothing runs" in done.stderr
    assert json.loads(onhand("down", "--json", "--state", str(tmp_path / "none")).stdout) == {"stopped": False}
    assert not (tmp_path / "none").exists()


def test_the_wheel_has_the_command_and_its_data_files(tmp_path: Path) -> None:
    """The dependencies are lent by this environment: what is tested is what the wheel itself brings."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    source = _sources(tmp_path)
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, source], check=True)
    wheel = next(tmp_path.glob("onhand-*.whl"))
    names = set(zipfile.ZipFile(wheel).namelist())
    assert not {path for path in _data_files() if f"onhand/{path}" not in names}

    venv.create(tmp_path / "clean", with_pip=False)
    python = tmp_path / "clean" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True)
    _lend(python, sysconfig.get_path("purelib"))
    told = subprocess.run([python.with_name("onhand"), "--help"], cwd="/", capture_output=True, text=True, check=True)
    assert "up" in told.stdout
    where = [python, "-c", "import onhand.deploy.cli as cli; print(cli.__file__)"]
    assert str(tmp_path) in subprocess.run(where, cwd="/", capture_output=True, text=True, check=True).stdout


def _foreground(state_dir: Path, *more: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "onhand.deploy.cli", "up", "--workers", "0", "--state", str(state_dir)]
    return subprocess.Popen(
        [*words, *more], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=_hear_ctrl_c
    )


def _hear_ctrl_c() -> None:
    """As on a terminal: a shell has what it starts in the background ignore it, and this suite may have been started so."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _kafka_begins(state_dir: Path) -> Any:
    return _told(state_dir / "run.json").get("parts", {}).get("kafka")


def _json(word: str, state_dir: Path) -> Any:
    done = onhand(word, "--json", "--state", str(state_dir))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _told(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _sources(tmp_path: Path) -> Path:
    """A copy of what git knows or would know, since a build leaves folders behind."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    copy = tmp_path / "source"
    for name in subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (PROJECT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((PROJECT / name).read_bytes())
    return copy


def _data_files() -> set[str]:
    folders = ("schemas", "lua", "sql", "agents", "deploy")
    found = [path for folder in folders for path in (PROJECT / folder).rglob("*") if path.is_file()]
    wanted = {path.relative_to(PROJECT) for path in found if path.suffix in (".py", ".lua", ".sql", ".lock")}
    return {str(path) for path in wanted if path.name != "requirements.lock"}


def _lend(python: Path, packages: str) -> None:
    answer = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    (Path(answer.stdout.strip()) / "lent.pth").write_text(packages + "\n")


def _addresses(endpoints: dict[str, Any]) -> dict[str, str]:
    return {name: endpoints[name] for name in ("kafka", "redis", "postgres", "lock_nodes")}


def _write_everywhere(endpoints: dict[str, Any]) -> None:
    redis.Redis.from_url(endpoints["redis"]).set("word", "hello")
    with psycopg.connect(endpoints["postgres"]) as connection:
        connection.execute("CREATE TABLE words AS SELECT 'hello' AS word")
    producer = Producer({"bootstrap.servers": endpoints["kafka"]})
    producer.produce(REQUESTS, b"hello", partition=0)
    assert producer.flush(10) == 0
    redis.Redis.from_url(endpoints["redis"]).waitaof(1, 0, 5000)


def _is_everywhere(endpoints: dict[str, Any]) -> None:
    assert redis.Redis.from_url(endpoints["redis"]).get("word") == b"hello"
    with psycopg.connect(endpoints["postgres"]) as connection:
        assert connection.execute("SELECT word FROM words").fetchall() == [("hello",)]
    consumer = Consumer({"bootstrap.servers": endpoints["kafka"], "group.id": "test", "enable.auto.commit": False})
    consumer.assign([TopicPartition(REQUESTS, 0, 0)])
    message = consumer.poll(10)
    consumer.close()
    assert message is not None
    assert message.value() == b"hello"
    assert COMMANDS in consumer_topics(endpoints["kafka"])


def consumer_topics(servers: str) -> set[str]:
    """All topics of the broker."""
    return set(Producer({"bootstrap.servers": servers}).list_topics(timeout=10).topics)
