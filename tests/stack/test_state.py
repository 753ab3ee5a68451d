"""The state directory's small files."""

import json
import socket
import stat
from pathlib import Path

import pytest

from onhand.deploy.stack import Refused, StackError, children
from onhand.deploy.stack.reach import environment_of, settings_at, settings_of
from onhand.deploy.stack.state import StateDir, write_private


def test_secrets_are_made_once_and_are_the_owners_only(tmp_path: Path) -> None:
    first = StateDir.at(tmp_path).secrets()
    assert StateDir.at(tmp_path).secrets() == first
    assert first.keys() == {"redis", "postgres", "secret"}
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


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
    with pytest.raises(StackError, match="ONHAND_KAFKA") as wrong:
        settings_of({"ONHAND_KAFKA": "kafka+ssl://u:s3cret@nonsense"})
    assert "s3cret" not in str(wrong.value)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="cannot be a state directory: Not a directory"):
        StateDir.at(tmp_path / "file" / "state")


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
