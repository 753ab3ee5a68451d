"""A batch with an Idempotency-Key that is sent again: what was decided is not done twice, whatever happened in between."""

import json
import signal
import uuid
from typing import Any

import psycopg
import pytest

from onhand.deploy.stack import Stack
from tests.gateway.batches import PATH, Talk, done, ndjson, receive
from tests.gateway.http import Caller, asked_until
from tests.gateway.process import OwnGateway, Paused
from tests.gateway.test_once import key_id

LINES = 1_500


def told_of(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the mark of a repeat."""
    return [{name: value for name, value in answer.items() if name != "replayed"} for answer in answers]


def forget_answers(system: Stack, key: str, age: str) -> None:
    """As after a crash between sending and deciding, so long ago."""
    batch = uuid.uuid5(uuid.UUID(key_id(system)), f"POST {PATH} {key}")
    with psycopg.connect(system.endpoints["postgres"], autocommit=True) as connection:
        query = "UPDATE batch_blocks SET answers = NULL, sent_at = sent_at - %s::interval WHERE batch = %s"
        assert connection.execute(query, (age, batch)).rowcount > 0


async def total(http: Caller, sku: str) -> int:
    told = await http.call("GET", f"/inventory/{sku}/availability?warehouse_id=1")
    return int(told.body[0]["available_qty"])


async def test_what_was_decided_is_told_again_and_not_done_again(system: Stack, http: Caller, sku: str) -> None:
    wishes = [receive(sku, number + 1) for number in range(LINES)]
    wishes[7] = {"type": "ship", "sku_id": f"{sku}-none", "warehouse_id": 1, "quantity": 1}
    first = await done(http, ndjson(wishes), Idempotency_Key=sku)
    before = await total(http, sku)
    again = await done(http, ndjson(wishes), Idempotency_Key=sku)
    assert all(answer["replayed"] for answer in again)
    assert told_of(again) == told_of(first)
    assert first[7]["outcome"] == "insufficient_stock"
    assert first[2]["id"] == str(uuid.uuid5(uuid.UUID(key_id(system)), f"POST {PATH} {sku} 3"))
    assert await total(http, sku) == before


async def test_another_line_under_the_same_key_is_refused_and_a_mended_or_new_one_is_done(
    http: Caller, sku: str
) -> None:
    wishes = [receive(sku), receive(sku, 0), receive(sku, 3)]
    await done(http, ndjson(wishes), Idempotency_Key=sku)
    changed = [receive(sku, 2), receive(sku, 5), receive(sku, 3), receive(sku, 7)]
    told = await done(http, ndjson(changed), Idempotency_Key=sku)
    assert (told[0].keys(), told[0]["error"].partition(":")[0]) == ({"line", "error"}, "key-reused")
    assert [answer.get("replayed") for answer in told[1:]] == [None, True, None]
    assert await total(http, sku) == 1 + 3 + 5 + 7


@pytest.mark.parametrize("size", [1, 333])
async def test_lines_without_a_decision_are_sent_again_and_done_once(
    system: Stack, http: Caller, sku: str, size: int
) -> None:
    wishes = [receive(sku, 2) for _ in range(400)]
    await done(http, ndjson(wishes[:300]), Idempotency_Key=sku)
    forget_answers(system, sku, "5 minutes")
    async with Talk(http, sku) as talk:  # cut at other places than the first time
        for at in range(0, 400, size):
            talk.say(*wishes[at : at + size])
        talk.end()
        told, whole = await talk.hear_all()
    assert whole
    assert [answer.get("replayed", False) for answer in told] == [True] * 300 + [False] * 100
    assert {answer["outcome"] for answer in told} == {"applied"}
    assert await total(http, sku) == 800
    assert all(answer["replayed"] for answer in await done(http, ndjson(wishes), Idempotency_Key=sku))


async def test_lines_that_the_gate_may_have_forgotten_are_not_sent_again(system: Stack, http: Caller, sku: str) -> None:
    wishes = [receive(sku, 2) for _ in range(5)]
    await done(http, ndjson(wishes), Idempotency_Key=sku)
    forget_answers(system, sku, "9 minutes 45 seconds")
    told = await done(http, ndjson([*wishes, receive(sku)]), Idempotency_Key=sku)
    assert [answer["outcome"] for answer in told] == ["unknown"] * 5 + ["applied"]
    assert told[0]["message"]
    assert await total(http, sku) == 11
    forget_answers(system, sku, "1 day")
    assert [answer["outcome"] for answer in await done(http, ndjson(wishes), Idempotency_Key=sku)] == ["applied"] * 5


async def test_a_gateway_killed_in_the_middle_loses_and_doubles_nothing(system: Stack, http: Caller, sku: str) -> None:
    wishes = [receive(f"{sku}-{number % 10}", 1) for number in range(LINES)]
    with OwnGateway(system).serving() as own:
        async with own.caller() as caller, Talk(caller, sku) as talk:
            talk.say(*wishes)
            assert (await talk.hear() or {})["line"] == 1
            own.process.kill()
            heard, whole = await talk.hear_all()
    assert not whole
    again = await done(http, ndjson(wishes), Idempotency_Key=sku)
    assert {answer["outcome"] for answer in again} == {"applied"}
    assert all(again[answer["line"] - 1]["id"] == answer["id"] for answer in heard)
    totals = [await total(http, f"{sku}-{number}") for number in range(10)]
    assert totals == [LINES // 10] * 10


async def test_lines_that_are_decided_late_are_told_so_and_decided_at_the_next_try(system: Stack, sku: str) -> None:
    """And a gateway that is to end answers what was sent, and cuts the rest."""
    wishes = [receive(sku), receive(sku)]
    with OwnGateway(system, gateway_timeout_s=1, gateway_drain_s=0).serving() as own:
        async with own.caller() as caller:
            with Paused(system):
                async with Talk(caller, sku) as talk:
                    talk.say(*wishes)
                    heard, whole = await talk.hear_all()
            assert ([answer["error"].partition(":")[0] for answer in heard], whole) == (["timeout"] * 2, False)
            told = await asked_until(
                lambda: caller.post("batch", ndjson(wishes), Idempotency_Key=sku), lambda told: "error" not in told.body
            )
            assert [json.loads(line)["outcome"] for line in told.body.splitlines()] == ["applied"] * 2
            async with Talk(caller) as talk:
                talk.say(receive(sku))
                assert (await talk.hear() or {})["total_qty"] == 3
                own.process.send_signal(signal.SIGTERM)
                assert await talk.hear_all() == ([], False)
        assert await own.ended() == 0
        assert "Traceback" not in own.log.read_text()
