"""How a command reaches a stack: by the environment, else by what the state directory tells."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from onhand.deploy.stack.errors import StackError
from onhand.deploy.stack.state import StateDir, read_json

if TYPE_CHECKING:
    from onhand.agents.settings import Settings

_PREFIX = "ONHAND_"
VARIABLES = {"kafka": "ONHAND_KAFKA", "redis": "ONHAND_REDIS", "postgres": "ONHAND_POSTGRES"}
"""The variable that names each server."""


def environment_of(state: Path, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a process on the stack of this directory; what `base` sets already wins."""
    told: dict[str, str] = {}
    if (state / "endpoints.json").exists():
        endpoints = read_json(state / "endpoints.json")
        told = {variable: endpoints[name] for name, variable in VARIABLES.items() if name in endpoints}
    if (state / "secrets.json").exists():
        told["ONHAND_SECRET"] = StateDir(state).secrets()["secret"]
    given = {name: value for name, value in base.items() if value or not name.startswith(_PREFIX)}  # empty is not set
    return told | {"ONHAND_STATE": str(state.absolute())} | given


def settings_at(state: Path) -> "Settings":
    """Settings for the stack of this directory. StackError if neither environment nor directory name a server."""
    environment = environment_of(state)
    if missing := [variable for variable in VARIABLES.values() if variable not in environment]:
        raise StackError(f"no stack runs in {state.absolute()} (`onhand up` starts one), and {missing[0]} is not set")
    return settings_of(environment)


def settings_of(environment: Mapping[str, str]) -> "Settings":
    """Settings from these variables. StackError names the wrong one and never shows its value."""
    from pydantic import ValidationError

    from onhand.agents.settings import Settings

    values = {name[len(_PREFIX) :].lower(): value for name, value in environment.items() if name.startswith(_PREFIX)}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        wrong = [f"{_PREFIX}{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise StackError("; ".join(wrong)) from None
