"""The words are all there, and none is imported before it is asked for."""

import subprocess
import sys

import pytest

from onhand import schemas

HEAVY = {"pydantic", "msgspec", "confluent_kafka", "faust", "psycopg", "redis", "rich"}


def test_every_word_is_there_and_told() -> None:
    classes = [(name, getattr(schemas, name)) for name in schemas.__all__ if name[0].isupper() and name != "Command"]
    assert [word.__name__ for _, word in classes] == [name for name, _ in classes]
    assert all(callable(getattr(schemas, name)) for name in schemas.__all__ if name[0].islower())
    assert set(schemas.__all__) <= set(dir(schemas))


def test_what_is_none_of_them_is_an_error() -> None:
    with pytest.raises(AttributeError, match=r"onhand\.schemas.*'Nonsense'"):
        schemas.Nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_the_command_begins_without_what_only_some_commands_need() -> None:
    program = "import sys, onhand.deploy.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not HEAVY & set(told.stdout.split())
