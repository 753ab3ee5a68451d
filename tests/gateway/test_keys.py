"""API keys: made by the command line, known by their hash, each with its scopes, ended within seconds."""

import json
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from onhand.deploy.stack import Stack
from tests.gateway.http import Caller, asked_until, line

CALLS = {
    "reserve": ("POST", "/inventory/reserve", [line("KEYS", 1)]),
    "move": ("POST", "/inventory/movements", {"type": "receive", "sku_id": "KEYS", "warehouse_id": 1, "quantity": 1}),
    "admin": ("PUT", "/inventory/KEYS/1/reorder-point", {"reorder_point": 1, "reorder_quantity": 1}),
}


def onhand(system: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "onhand.deploy.cli", "keys", *words, "--state", str(system.state.root)]
    return subprocess.run(argv, capture_output=True, text=True)


def create(system: Stack, *scopes: str) -> dict[str, Any]:
    made = onhand(system, "create", *[word for scope in scopes for word in ("--scope", scope)], "--json")
    assert made.returncode == 0, made.stderr
    return dict(json.loads(made.stdout))


@pytest.mark.parametrize("scope", CALLS)
async def test_a_key_opens_what_its_scopes_say_and_nothing_else(system: Stack, scope: str) -> None:
    made = create(system, scope)
    assert (made.keys(), made["scopes"]) == ({"id", "key", "scopes"}, [scope])
    async with Caller(system.endpoints["gateway"], made["key"]) as holder:
        for other, call in CALLS.items():
            told = await holder.call(*call)
            assert (told.status == 403) == (other != scope), told
            assert told.status != 403 or told.problem == "forbidden"


async def test_a_revoked_key_opens_nothing_within_seconds(system: Stack) -> None:
    made = create(system, "reserve", "move")
    async with Caller(system.endpoints["gateway"], made["key"]) as holder:
        assert (await holder.call(*CALLS["move"])).status == 200
        assert onhand(system, "revoke", made["id"]).returncode == 0
        told = await asked_until(lambda: holder.call(*CALLS["move"]), lambda told: told.status == 401, within_s=5)
        assert told.problem == "unauthorized"
    again = onhand(system, "revoke", made["id"])
    assert (again.returncode, made["id"] in again.stderr) == (1, True)
    (listed,) = [key for key in json.loads(onhand(system, "list", "--json").stdout) if key["id"] == made["id"]]
    assert (listed["scopes"], bool(listed["revoked_at"]), "key" in listed) == (["reserve", "move"], True, False)


def test_a_key_is_nowhere_but_where_it_was_told(system: Stack) -> None:
    made = create(system, "read")
    with psycopg.connect(system.endpoints["postgres"]) as connection:
        stored = connection.execute("SELECT k::text FROM api_keys k WHERE id = %s", (made["id"],)).fetchone()
    assert stored is not None
    assert made["key"] not in stored[0]
    kept = system.state.root / "api_key.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text())["key"] == system.endpoints["api_key"]
    for log in system.state.logs:
        assert system.endpoints["api_key"] not in log.read_text(), log
    assert made["key"] not in onhand(system, "list").stdout


@pytest.mark.parametrize("words", [("create",), ("create", "--scope", "all"), ("revoke", "x"), ("revoke",)])
def test_wrong_usage_is_told(system: Stack, words: tuple[str, ...]) -> None:
    assert onhand(system, *words).returncode == 2
