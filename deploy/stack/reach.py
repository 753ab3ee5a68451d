"""How a command reaches a stack: by the environment, else by what the state directory tells."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from onhand.deploy.stack.errors import StackError, Usage
from onhand.deploy.stack.state import StateDir, read_json

if TYPE_CHECKING:
    from onhand.agents.settings import Settings

_PREFIX = "ONHAND_"
VARIABLES = {"kafka": "ONHAND_KAFKA", "redis": "ONHAND_REDIS", "postgres": "ONHAND_POSTGRES"}
"""The variable that names each server."""
LOCK_NODES = {"lock_nodes": "ONHAND_LOCK_NODES"}
"""The variable that names the nodes of the operators' locks, without which all works, too."""
_SCHEMES = {"redis": ("rediss", "redis"), "postgres": ("postgres", "postgresql")}


def environment_of(state: Path, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a process on the stack of this directory; what `base` sets already wins."""
    told: dict[str, str] = {}
    if (state / "endpoints.json").exists():
        endpoints = read_json(state / "endpoints.json")
        told = {variable: endpoints[name] for name, variable in (VARIABLES | LOCK_NODES).items() if name in endpoints}
    if (state / "secrets.json").exists():
        told["ONHAND_SECRET"] = StateDir(state).secrets()["secret"]
    given = {name: value for name, value in base.items() if value or not name.startswith(_PREFIX)}  # empty is not set
    return told | {"ONHAND_STATE": str(state.absolute())} | given


def settings_at(state: Path, needed: Iterable[str] = VARIABLES) -> "Settings":
    """Settings for the stack of this directory. StackError if neither environment nor directory name a needed server."""
    environment = environment_of(state)
    if missing := [VARIABLES[name] for name in needed if VARIABLES[name] not in environment]:
        raise StackError(f"no stack runs in {state.absolute()} (`onhand up` starts one), and {missing[0]} is not set")
    return settings_of(environment)


def signing_settings_at(state: Path) -> "Settings":
    """As `settings_at`, for who needs to know onhand's own records too; Usage where there is no ONHAND_SECRET."""
    settings = settings_at(state)
    if not settings.secret.get_secret_value():
        raise Usage("ONHAND_SECRET is not set (<key id>:<hex key>), and onhand's own records need it")
    return settings


def settings_of(environment: Mapping[str, str]) -> "Settings":
    """Settings from these variables; an empty one is not set. Usage names the wrong one and never shows its value."""
    from pydantic import ValidationError

    from onhand.agents.settings import Settings

    given = {name: value for name, value in environment.items() if value and name.startswith(_PREFIX)}
    values = {name[len(_PREFIX) :].lower(): value for name, value in given.items()}
    for name, schemes in _SCHEMES.items():
        if name in values and not _is_url(values[name], schemes):
            raise Usage(f"{VARIABLES[name]} is not of the form {schemes[-1]}://...")
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        wrong = [f"{_PREFIX}{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise Usage("; ".join(wrong)) from None


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        url = urlsplit(value)
        return url.scheme in schemes and ("," in url.netloc or url.port != 0)  # PostgreSQL's may name several hosts
    except ValueError:  # of an address or port that is none
        return False
