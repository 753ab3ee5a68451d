"""The gateway's tables: keys by their hash, calls by their Idempotency-Key."""

import uuid

import pytest

from onhand.sql.api_keys import ApiKeys, Holder, new_key
from onhand.sql.idempotency import Answer, Call, Idempotency, KeyReused
from onhand.sql.pool import Pool
from tests.sql.conftest import Rows

ANSWER = Answer(201, "application/json", b"{}")


def call(key: str = "k", body: bytes = b"1" * 32) -> Call:
    return Call("0199c0de-7a3b-4c11-9d2e-5f6a7b8c9d0e", "POST /p", key, body)


async def test_a_key_is_found_until_it_is_revoked(pool: Pool) -> None:
    keys, made = ApiKeys(pool), new_key(["move", "read", "move"])
    await keys.add(made)
    assert await keys.find(made.key) == Holder(made.id, frozenset({"read", "move"}))
    assert await keys.find(made.key + "x") is None
    assert await keys.revoke(uuid.UUID(made.id))
    assert not await keys.revoke(uuid.UUID(made.id))
    await keys.add(made)  # as the stack does at each start
    assert await keys.find(made.key) is None
    assert [(row.id, row.scopes) for row in await keys.list()] == [(made.id, ["read", "move"])]


@pytest.mark.parametrize("scopes", [[], ["all"], ["read", "everything"]])
def test_a_scope_is_one_that_there_is(scopes: list[str]) -> None:
    with pytest.raises(ValueError, match="scope: "):
        new_key(scopes)


async def test_a_call_is_claimed_once_and_answered_alike(pool: Pool) -> None:
    calls = Idempotency(pool)
    assert await calls.claim(call()) is None
    assert await calls.claim(call()) is None  # not finished: to be run again
    await calls.answer(call(), ANSWER)
    await calls.answer(call(), Answer(409, "x", b"later"))
    assert await calls.claim(call()) == ANSWER
    with pytest.raises(KeyReused):
        await calls.claim(call(body=b"2" * 32))
    await calls.withdraw(call())  # an answer stays
    assert await calls.claim(call()) == ANSWER


async def test_a_claim_that_is_withdrawn_is_free(pool: Pool) -> None:
    calls = Idempotency(pool)
    await calls.claim(call())
    await calls.withdraw(call())
    assert await calls.claim(call(body=b"2" * 32)) is None


async def test_after_a_day_a_call_is_forgotten(pool: Pool, rows: Rows) -> None:
    calls = Idempotency(pool)
    for key in ("old", "older", "new"):
        await calls.claim(call(key))
        await calls.answer(call(key), ANSWER)
    rows("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE starts_with(key, 'old')")
    assert await calls.claim(call("old", b"2" * 32)) is None
    assert await calls.forget() == 1
    assert rows("SELECT key FROM idempotency_keys ORDER BY key") == [("new",), ("old",)]
