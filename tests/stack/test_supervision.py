"""Children of the stack: they live, die and come back as they should. Kafka is elsewhere here, to be quick."""

import asyncio
import io
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis

from onhand.deploy.stack import Refused, Stack, StackError, lock_nodes
from onhand.deploy.stack import postgres as postgres_part
from onhand.deploy.stack.children import Command, User, started_at, unprivileged
from onhand.deploy.stack.down import stop
from onhand.deploy.stack.foreground import run_until_stopped
from onhand.deploy.stack.part import Progress, Report
from onhand.deploy.stack.reach import environment_of
from onhand.deploy.stack.reachable import reachable_binaries
from onhand.deploy.stack.state import StateDir, write_private
from onhand.deploy.stack.supervisor import Options, Supervisor
from onhand.deploy.stack.valkey import Valkey
from tests.stack.driver import ELSEWHERE
from tests.stack.waiting import until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent's")


def small_stack(directory: Path, **options: Any) -> Stack:
    return Stack(directory, schema=False, base_env=ELSEWHERE, **options)


def remember(endpoints: dict[str, Any], word: str) -> None:
    redis.Redis.from_url(endpoints["redis"]).set("word", word)
    with psycopg.connect(endpoints["postgres"]) as connection:
        connection.execute("CREATE TABLE words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", (word,))


def remembered(endpoints: dict[str, Any]) -> tuple[Any, Any]:
    with psycopg.connect(endpoints["postgres"]) as connection:
        row = connection.execute("SELECT word FROM words").fetchone()
    return redis.Redis.from_url(endpoints["redis"], decode_responses=True).get("word"), row and row[0]


@pytest.fixture
def killable(state_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that runs a small stack in state_dir."""
    argv = [sys.executable, str(Path(__file__).with_name("driver.py")), str(state_dir)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()
    stop(StateDir.at(state_dir))


def children_of(state_dir: Path) -> list[int]:
    parts = json.loads((state_dir / "run.json").read_text())["parts"]
    return [part["pid"] for part in parts.values()]


def test_data_and_addresses_survive_a_stop(state_dir: Path) -> None:
    with small_stack(state_dir) as first:
        before = first.endpoints
        remember(before, "hello")
        assert json.loads((state_dir / "endpoints.json").read_text()) == before
        assert (state_dir / "endpoints.json").stat().st_mode & 0o777 == 0o600
    assert not (state_dir / "endpoints.json").exists()
    assert not [pid for pid in before["processes"].values() if psutil.pid_exists(pid)]
    with small_stack(state_dir) as second:
        assert second.endpoints.keys() == before.keys()
        assert second.endpoints["redis"] == before["redis"]
        assert second.endpoints["postgres"] == before["postgres"]
        assert remembered(second.endpoints) == ("hello", "hello")


def test_passwords_are_asked_for_and_are_in_no_argv(state_dir: Path) -> None:
    with small_stack(state_dir) as stack:
        secrets = stack.state.secrets()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(stack.endpoints["redis"].replace(secrets["redis"], "wrong")).ping()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(stack.endpoints["postgres"].replace(secrets["postgres"], "wrong"))
        for pid in stack.endpoints["processes"].values():
            words = " ".join(psutil.Process(pid).cmdline())
            assert not [value for value in secrets.values() if value in words]
        logs = "".join(log.read_text() for log in (state_dir / "logs").glob("*.log"))
        assert not [value for value in secrets.values() if value in logs]


def test_two_stacks_run_side_by_side(state_dir: Path) -> None:
    with small_stack(state_dir / "a") as one, small_stack(state_dir / "b") as other:
        remember(one.endpoints, "one")
        remember(other.endpoints, "other")
        assert remembered(one.endpoints) == ("one", "one")
        assert remembered(other.endpoints) == ("other", "other")


def test_a_second_stack_in_the_same_directory_is_refused(state_dir: Path) -> None:
    with small_stack(state_dir) as stack:
        with pytest.raises(Refused, match="runs already"), small_stack(state_dir):
            pass
        assert redis.Redis.from_url(stack.endpoints["redis"]).ping()


@pytest.mark.parametrize("name", ["redis", "postgres"])
def test_a_part_that_dies_is_started_again(state_dir: Path, name: str) -> None:
    with small_stack(state_dir) as stack:
        remember(stack.endpoints, "before")
        killed = stack.endpoints["processes"][name]
        os.kill(killed, signal.SIGKILL)

        def reborn() -> Any:
            told = json.loads((state_dir / "endpoints.json").read_text())["processes"]
            states = json.loads((state_dir / "run.json").read_text())["parts"]
            return told.get(name) not in (None, killed) and states[name]["state"] == "ready"

        until(reborn)
        assert remembered(stack.endpoints)[1] == "before"


def test_lock_nodes_are_told_and_one_that_died_stays_away_until_its_locks_expired(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It remembers nothing, so back at once it would grant what another holds."""
    monkeypatch.setattr(lock_nodes, "REST_S", 1.0)
    with small_stack(state_dir, lock_nodes=True) as stack:
        told = json.loads((state_dir / "endpoints.json").read_text())
        urls = told["lock_nodes"].split(",")
        assert stack.environment["ONHAND_LOCK_NODES"] == told["lock_nodes"]
        assert environment_of(state_dir, {})["ONHAND_LOCK_NODES"] == told["lock_nodes"]
        assert told["processes"].keys() == {"redis", "postgres", *lock_nodes.NAMES}
        nodes = [redis.Redis.from_url(url) for url in urls]
        pids = [node.info("server")["process_id"] for node in nodes]
        assert pids == [told["processes"][name] for name in lock_nodes.NAMES]
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(urls[0].replace(stack.state.secrets()["lock_nodes"], "wrong")).ping()
        os.kill(pids[0], signal.SIGKILL)
        since = time.monotonic()
        until(lambda: stack.endpoints["processes"].get("lock-1") not in (None, pids[0]))
        assert time.monotonic() - since > 0.9
        until(lambda: json.loads((state_dir / "run.json").read_text())["parts"]["lock-1"]["state"] == "ready")
        assert nodes[0].ping()


def test_lock_nodes_that_the_environment_names_are_used_instead(state_dir: Path) -> None:
    given = {"ONHAND_LOCK_NODES": "redis://127.0.0.1:1/0", "ONHAND_POSTGRES": "postgresql://127.0.0.1:1/d"}
    with Stack(state_dir, schema=False, base_env=ELSEWHERE | given, lock_nodes=True) as stack:
        assert stack.endpoints["processes"].keys() == {"redis"}
        assert stack.endpoints["lock_nodes"] == stack.environment["ONHAND_LOCK_NODES"] == given["ONHAND_LOCK_NODES"]


def test_what_ends_a_stack_while_it_is_used_is_raised(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Valkey) -> Command:
        raise StackError("no program")

    def use() -> None:
        with small_stack(state_dir) as stack:
            monkeypatch.setattr(Valkey, "command", broken)
            os.kill(stack.endpoints["processes"]["redis"], signal.SIGKILL)
            until(lambda: not stack.state.run.exists())

    with pytest.raises(StackError, match="no program"):
        use()


def test_the_directory_is_held_until_all_work_on_it_has_ended(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop does not end a thread that prepares a part: nobody else may begin beside it."""
    begun, end = threading.Event(), threading.Event()

    def prepare(_: Valkey, __: Report) -> None:
        begun.set()
        end.wait()

    monkeypatch.setattr(Valkey, "prepare", prepare)
    state = StateDir.at(state_dir)
    supervisor = Supervisor(state, Options(gates=0, schema=False, base_env=ELSEWHERE), lambda _: None)

    async def stop_while_it_prepares() -> None:
        run = asyncio.create_task(supervisor.run())
        assert await asyncio.to_thread(begun.wait, 60)
        supervisor.stop()
        await asyncio.wait({run}, timeout=0.5)
        try:
            with pytest.raises(Refused, match="runs already"), state.owned():
                pass
        finally:
            end.set()
        await run
        with state.owned():
            pass

    asyncio.run(stop_while_it_prepares())


def test_who_is_busy_when_all_is_ready_is_told_of_ctrl_c(state_dir: Path) -> None:
    def ready(_: dict[str, Any], stopping: Callable[[], bool]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        until(stopping)

    options = Options(gates=0, schema=False, base_env=ELSEWHERE)
    run_until_stopped(StateDir.at(state_dir), options, ready)
    assert not (state_dir / "run.json").exists()


def test_a_stop_is_in_order_though_nobody_reads_what_is_told(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `onhand up 2>&1 | tee log`, where Ctrl-C ends tee too."""
    reading, writing = os.pipe()

    def ready(endpoints: dict[str, Any], _: Callable[[], bool]) -> None:
        children.update(endpoints["processes"])
        os.close(reading)
        os.kill(os.getpid(), signal.SIGINT)

    children: dict[str, int] = {}
    with os.fdopen(writing, "wb", buffering=0) as raw:
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, write_through=True))
        run_until_stopped(StateDir.at(state_dir), Options(gates=0, schema=False, base_env=ELSEWHERE), ready)
    assert len(children) == 2
    assert not [pid for pid in children.values() if started_at(pid)]
    assert not (state_dir / "run.json").exists()
    assert not (state_dir / "endpoints.json").exists()


def test_a_stop_that_is_interrupted_hurries_and_still_waits_for_all(state_dir: Path) -> None:
    begun = threading.Event()

    def interrupt(progress: Progress) -> None:
        if progress.state == "stopping" and not begun.is_set():
            begun.set()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    children: dict[str, int] = {}
    with pytest.raises(KeyboardInterrupt), small_stack(state_dir, report=interrupt) as stack:
        children = stack.endpoints["processes"]
    assert len(children) == 2
    assert not [pid for pid in children.values() if started_at(pid)]
    assert not (state_dir / "run.json").exists()


@needs_linux
def test_a_killed_supervisor_leaves_no_orphan(state_dir: Path, killable: subprocess.Popen[str]) -> None:
    children = children_of(state_dir)
    assert len(children) == 2
    killable.kill()
    killable.wait()
    until(lambda: not [pid for pid in children if started_at(pid)])


def test_the_state_of_a_killed_run_is_recognised(state_dir: Path, killable: subprocess.Popen[str]) -> None:
    endpoints = json.loads((state_dir / "endpoints.json").read_text())
    remember(endpoints, "hello")
    for pid in [killable.pid, *children_of(state_dir)]:
        os.kill(pid, signal.SIGKILL)
    killable.wait()
    with small_stack(state_dir) as again:
        assert again.endpoints["processes"] != endpoints["processes"]
        assert remembered(again.endpoints)[1] == "hello"


def test_a_survivor_of_a_killed_run_is_ended_and_a_stranger_is_not(state_dir: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as survivor, subprocess.Popen(["sleep", "60"]) as stranger:
        parts = {
            "redis": {"pid": survivor.pid, "started": started_at(survivor.pid), "state": "ready"},
            "postgres": {"pid": stranger.pid, "started": "another boot/1", "state": "ready"},
        }
        state = StateDir.at(state_dir)
        write_private(state.run, {"supervisor": {"pid": 1, "started": ""}, "parts": parts})
        write_private(state.endpoints, {"processes": {}})
        assert stop(state)
        assert survivor.wait() == -signal.SIGTERM
        assert stranger.poll() is None
        stranger.kill()
    assert not state.run.exists()
    assert not state.endpoints.exists()


def test_down_stops_a_running_stack_and_is_idle_where_nothing_runs(
    state_dir: Path, killable: subprocess.Popen[str]
) -> None:
    children = children_of(state_dir)
    assert stop(StateDir.at(state_dir))
    assert killable.wait() != 0
    assert not [pid for pid in children if started_at(pid)]
    assert not stop(StateDir.at(state_dir))


def test_a_part_that_cannot_start_says_why(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgres_part._SETTINGS, "shared_buffers", "nonsense")
    with (
        pytest.raises(StackError, match=r"(?s)postgres does not start.*postgres\.log.*invalid value"),
        small_stack(state_dir),
    ):
        pass
    assert not (state_dir / "run.json").exists()


@needs_root
def test_below_a_closed_folder_root_finds_postgres_another_home(state_dir: Path) -> None:
    closed = state_dir / "closed"
    closed.mkdir(mode=0o700)
    try:
        with small_stack(closed / "state") as stack:
            remember(stack.endpoints, "hello")
            note = json.loads((closed / "state" / "postgres.json").read_text())
            home = Path(note["home"])
            owner = psutil.Process(stack.endpoints["processes"]["postgres"]).uids().effective
        with small_stack(closed / "state") as again:
            assert remembered(again.endpoints) == ("hello", "hello")
        assert not home.is_relative_to(closed)
        assert owner == home.stat().st_uid != 0
        assert home.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(home)


@needs_root
def test_binaries_below_a_closed_folder_are_copied_to_where_they_can_be_run(state_dir: Path) -> None:
    closed, user = state_dir / "closed", unprivileged()
    assert isinstance(user, User)
    closed.mkdir(mode=0o700)
    packaged = postgres_part._packaged_binaries()
    shutil.copytree(packaged.parent, closed / "pginstall", symlinks=True)
    copy = reachable_binaries(user, closed / "pginstall" / "bin")
    told = subprocess.run([copy / "postgres", "--version"], user=user.uid, group=user.gid, cwd="/", capture_output=True)
    assert told.stdout.startswith(b"postgres (PostgreSQL) 18.")
    assert not copy.is_relative_to(closed)
    assert pwd.getpwuid(user.uid).pw_name in ("postgres", "nobody")
