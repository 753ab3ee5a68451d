"""The `onhand` command on the running system, in this process: what a shell would get of it, quicker."""

import json
import sys
import uuid
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

import pytest

from onhand.deploy.cli import main
from onhand.deploy.stack import Stack
from onhand.schemas import partition_of

PARTITIONS = 8


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


Onhand = Callable[..., Done]


def run(*words: object) -> Done:
    """`onhand WORDS`, with this process's environment."""
    out, err = StringIO(), StringIO()
    argv, sys.argv = sys.argv, ["onhand", *map(str, words)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code
    else:
        code = 0
    finally:
        sys.argv = argv
    assert isinstance(code, int), code
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture
def onhand(system: Stack, monkeypatch: pytest.MonkeyPatch) -> Onhand:
    """The command, on the system under test."""
    monkeypatch.setenv("ONHAND_STATE", str(system.state.root))
    monkeypatch.delenv("ONHAND_GATEWAY", raising=False)
    monkeypatch.delenv("ONHAND_API_KEY", raising=False)
    return run


@pytest.fixture
def sku() -> str:
    """A SKU that nobody has used."""
    return new_sku()


def new_sku() -> str:
    """A SKU that nobody has used."""
    return f"CLI-{uuid.uuid4().hex[:12]}"


def skus_apart() -> tuple[str, str]:
    """Two SKUs whose positions at warehouse 1 live in different partitions, that of the first before that of the second."""
    while True:
        one, other = new_sku(), new_sku()
        if partition_of(f"{one}:1", PARTITIONS) < partition_of(f"{other}:1", PARTITIONS):
            return one, other
