"""The state directory's small files."""

import errno
import json
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from onhand.deploy.stack import Refused, StackError, children
from onhand.deploy.stack.errors import Usage
from onhand.deploy.stack.postgres import _forget_a_dead_server
from onhand.deploy.stack.reach import environment_of, settings_at, settings_of
from onhand.deploy.stack.state import StateDir, write_private
from onhand.deploy.stack.supervisor import clean_up


def test_secrets_are_made_once_and_are_the_owners_only(tmp_path: Path) -> None:
    first = StateDir.at(tmp_path).secrets()
    assert StateDir.at(tmp_path).secrets() == first
    assert first.keys() == {"redis", "postgres", "lock_nodes", "secret"}
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_secrets_that_an_older_version_did_not_make_are_added(tmp_path: Path) -> None:
    write_private(tmp_path / "secrets.json", {"redis": "r", "postgres": "p", "secret": "k1:00"})
    now = StateDir.at(tmp_path).secrets()
    assert now == {"redis": "r", "postgres": "p", "secret": "k1:00", "lock_nodes": now["lock_nodes"]}
    assert StateDir.at(tmp_path).secrets() == now


def test_secrets_outlive_a_loss_of_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's new name is on the disk once its directory was synced."""
    synced: list[tuple[int, bool]] = []
    named = (tmp_path / "secrets.json").exists
    monkeypatch.setattr(os, "fsync", lambda number: synced.append((os.fstat(number).st_ino, named())))
    StateDir.at(tmp_path).secrets()
    assert synced[-1] == (tmp_path.stat().st_ino, True)
    synced.clear()
    write_private(tmp_path / "run.json", {}, lasting=False)
    assert synced == [], "who runs now is asked by nobody after that"


def test_papers_that_a_loss_of_power_cut_short_are_taken_down(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path)
    state.run.touch()
    state.endpoints.touch()
    clean_up(state)
    assert not state.run.exists()
    assert not state.endpoints.exists()


def test_a_full_disk_is_told_with_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match=r"secrets\.json cannot be written: No space left"):
        StateDir.at(tmp_path).secrets()


def test_ports_are_kept_while_they_are_free(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path)
    first = state.ports(["kafka", "redis"], {})
    assert state.ports(["kafka", "redis"], {}) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first["redis"]))
        taken.listen()
        moved = state.ports(["kafka", "redis"], {})
    assert moved["kafka"] == first["kafka"]
    assert moved["redis"] not in first.values()
    assert state.ports(["kafka", "redis"], {}) == moved


def test_a_given_port_is_taken_and_kept(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path)
    assert state.ports(["redis"], {"redis": 29_999}) == {"redis": 29_999}
    assert json.loads((tmp_path / "ports.json").read_text()) == {"redis": 29_999}


def test_a_given_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    """Its part would seem to serve at once: what answers there is somebody else's server."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Refused, match=r"port \d+, given for kafka, is taken"):
            StateDir.at(tmp_path).ports(["kafka", "redis"], {"kafka": taken.getsockname()[1]})


def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path)
    with state.owned(), pytest.raises(Refused, match="runs already"), state.owned():
        pass
    with state.owned():
        assert not state.endpoints.exists()


def test_commands_reach_the_stack_by_its_directory_and_the_environment_wins(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path)
    secret = state.secrets()["secret"]
    write_private(state.endpoints, {"kafka": "127.0.0.1:1", "redis": "redis://:a@127.0.0.1:2/0", "processes": {}})
    found = environment_of(tmp_path, {"ONHAND_REDIS": "redis://other:6379/0"})
    assert found["ONHAND_KAFKA"] == "127.0.0.1:1"
    assert environment_of(tmp_path, {"ONHAND_KAFKA": ""})["ONHAND_KAFKA"] == "127.0.0.1:1"
    assert found["ONHAND_REDIS"] == "redis://other:6379/0"
    assert found["ONHAND_SECRET"] == secret
    assert settings_of(found).broker.servers == "127.0.0.1:1"


def test_where_nothing_runs_the_message_says_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ONHAND_KAFKA", "ONHAND_REDIS", "ONHAND_POSTGRES"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StackError, match=r"`onhand up` starts one.*ONHAND_KAFKA is not set"):
        settings_at(tmp_path)


def test_a_wrong_variable_is_named_and_its_value_is_not_shown() -> None:
    for name, value in (
        ("ONHAND_KAFKA", "kafka+ssl://u:s3cret@nonsense"),
        ("ONHAND_REDIS", "redis://:s3cret@h:port/0"),
        ("ONHAND_POSTGRES", "postgresql//u:s3cret@h/d"),
        ("ONHAND_SECRET", "s3cret"),
    ):
        with pytest.raises(Usage, match=name) as wrong:
            settings_of({name: value})
        assert "s3cret" not in str(wrong.value)
    several = "postgresql://u:p@one:5432,two:5433/d"
    assert settings_of({"ONHAND_POSTGRES": several, "ONHAND_REDIS": ""}).postgres.get_secret_value() == several


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot be a state directory: Not a directory"):
        StateDir.at(tmp_path / "file" / "state")


def test_the_pid_file_of_a_dead_postgres_goes_even_if_a_stranger_has_the_pid(tmp_path: Path) -> None:
    pid_file = tmp_path / "postmaster.pid"
    for content in (f"{os.getpid()}\nrest", ""):
        pid_file.write_text(content)
        _forget_a_dead_server(tmp_path)
        assert not pid_file.exists()
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as server:
        pid_file.write_text(f"{server.pid}\nrest")
        _forget_a_dead_server(tmp_path)
        assert pid_file.exists(), "it lives"
        assert server.poll() is None
        server.kill()


def test_a_long_log_is_put_aside_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_LOG_LIMIT_BYTES", 10)
    log = tmp_path / "a.log"
    with children.open_log(log) as writer:
        writer.write(b"a line that is long\n")
        writer.flush()
        children.shorten(log)
        writer.write(b"after\n")
        writer.flush()
        children.shorten(log)
    assert log.read_bytes() == b"after\n"
    assert (tmp_path / "a.log.1").read_bytes() == b"a line that is long\n"
