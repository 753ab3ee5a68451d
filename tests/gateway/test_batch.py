"""Many movements in one call: in order, both ways at once, each line for itself."""

import asyncio
import uuid
from urllib.parse import urlsplit

import psutil

from onhand.deploy.stack import Stack
from tests.gateway.batches import PATH, Talk, done, ndjson, receive
from tests.gateway.http import Caller, asked_until
from tests.gateway.test_keys import create

_IDLE = "onhand_http_requests_under_way 1.0"
"""The one that asks."""


async def test_every_line_is_answered_in_order_and_a_wrong_one_stops_no_other(http: Caller, sku: str) -> None:
    id = str(uuid.uuid4())
    wishes = [
        receive(sku, 10, id=id),
        receive(sku, 0),
        {"type": "ship", "sku_id": sku, "warehouse_id": 1, "quantity": 11},
        {"type": "transfer", "sku_id": sku, "warehouse_id": 1, "quantity": 4, "to_warehouse_id": 2},
        {"type": "count", "sku_id": sku, "warehouse_id": 2, "counted_qty": 3, "actor": "anna"},
        {"type": "reserve", "sku_id": sku, "warehouse_id": 1, "quantity": 1},
        {"type": "adjust", "sku_id": sku, "warehouse_id": 1, "delta": -1, "reason": "broken"},
    ]
    told = await done(http, ndjson(wishes) + b'\nnonsense\n{"type":"return"')
    assert told[0] == {
        "line": 1, "id": id, "outcome": "applied", "type": "receive", "sku_id": sku, "warehouse_id": 1, "quantity": 10,
        "available_qty": 10, "reserved_qty": 0, "total_qty": 10, "version": 1,
    }  # fmt: skip
    assert [(answer.get("outcome"), answer.get("available_qty")) for answer in told[:7]] == [
        ("applied", 10), (None, None), ("insufficient_stock", 10), ("applied", 4), ("applied", 3), (None, None), ("applied", 5),
    ]  # fmt: skip
    assert told[1].keys() == {"line", "error"}
    assert told[1]["error"].startswith("quantity: ")
    assert told[5]["error"].startswith("type: is not one of receive, return, ship, adjust, count, transfer, arrive")
    assert [answer["error"].partition(":")[0] for answer in told[7:]] == ["value"] * 3
    assert [answer.get("locked") for answer in told[:7]] == [None, None, None, False, False, None, None]


async def test_what_a_line_dispatches_a_later_one_lets_arrive(http: Caller, sku: str) -> None:
    """Source and destination lie in any two partitions: the arrival finds its transfer, which went there by a slip."""
    ids = [str(uuid.uuid4()) for _ in range(60)]
    received = [receive(f"{sku}-{number}", 5) for number in range(60)]
    sent = [
        received[number] | {"type": "transfer", "id": id, "to_warehouse_id": 2, "mode": "dispatch"}
        for number, id in enumerate(ids)
    ]
    come = [
        received[number] | {"type": "arrive", "warehouse_id": 2, "transfer_id": id, "quantity": 4}
        for number, id in enumerate(ids)
    ]
    at_once = [line for three in zip(received[:30], sent, come, strict=False) for line in three]
    in_blocks = [*received[30:], *sent[30:], *come[30:]]
    told = await done(http, ndjson(at_once + in_blocks))
    arrived = [answer for answer in told if answer["type"] == "arrive"]
    assert [(answer["outcome"], answer["available_qty"]) for answer in arrived] == [("applied", 4)] * 60


async def test_a_csv_names_its_fields(http: Caller, sku: str) -> None:
    rows = ["type,sku_id,warehouse_id,quantity,delta,reason", f"receive,{sku},1,5,,"]
    rows += [f'adjust,{sku},1,,-2,"wet, torn"', f"ship,{sku},1,x,,", ""]
    told = await done(http, "\r\n".join(rows).encode(), Content_Type="text/csv; charset=utf-8")
    assert [answer.get("total_qty") for answer in told] == [5, 3, None]
    assert told[2] == {"line": 3, "error": "quantity: must be an integer"}
    wrong = await http.post("batch", b"type,colour\n", Content_Type="text/csv")
    assert (wrong.status, wrong.problem, wrong.body["detail"].partition(":")[0]) == (422, "malformed", "header")
    assert await done(http, b"") == []


async def test_answers_come_while_lines_are_still_being_sent(http: Caller, sku: str) -> None:
    async with Talk(http) as talk:
        for number in (1, 2, 3):
            talk.say(receive(sku))
            answer = await talk.hear()
            assert answer is not None
            assert (answer["line"], answer["total_qty"]) == (number, number)
        talk.end()
        assert await talk.hear() is None


async def test_more_than_a_megabyte_in_the_order_of_its_lines(http: Caller, sku: str) -> None:
    """Ships stand behind the receipts that they need; what is received in lines of a position is what its versions count."""
    filler = "x" * 120
    wishes = [
        {"type": kind, "sku_id": f"{sku}-{number % 50}", "warehouse_id": 1, "quantity": 2, "reference_id": filler}
        for number in range(2_500)
        for kind in ("receive", "ship")
    ]
    told = await done(http, ndjson(wishes))
    assert [answer["outcome"] for answer in told] == ["applied"] * 5_000
    assert [answer["version"] for answer in told if answer["sku_id"] == f"{sku}-7"] == list(range(1, 101))


async def test_an_id_that_comes_twice_is_done_once(http: Caller, sku: str) -> None:
    twice = receive(sku, 5, id=str(uuid.uuid4()))
    told = await done(http, ndjson([twice, receive(sku, 1), twice, twice | {"quantity": 6}]))
    assert [(answer["outcome"], answer.get("replayed", False), answer["total_qty"]) for answer in told] == [
        ("applied", False, 5), ("applied", False, 6), ("applied", True, 6), ("id_reused", False, 6),
    ]  # fmt: skip


async def test_it_takes_the_scope_and_a_well_formed_key(system: Stack, http: Caller, sku: str) -> None:
    async with Caller(http.url, create(system, "read", "reserve")["key"]) as reader:
        assert (await reader.post("batch", ndjson([receive(sku)]))).problem == "forbidden"
    assert (await http.post("batch", b"", Idempotency_Key="x" * 129)).problem == "malformed"


async def test_who_does_not_read_is_not_read_from_and_who_leaves_is_forgotten(system: Stack, http: Caller) -> None:
    process = psutil.Process(system.endpoints["processes"]["gateway-1"])
    before = process.memory_info().rss
    url = urlsplit(http.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port, limit=1_000)
    key = f"Authorization: Bearer {system.endpoints['api_key']}\r\n"
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{key}Content-Length: 100000000\r\n\r\n".encode())
    writer.transport.set_write_buffer_limits(0)
    assert await _pushed(writer) < 20_000_000  # of 100,000,000; the answers to three bytes are forty times as much
    assert process.memory_info().rss - before < 100_000_000
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.transport.abort()
    await asked_until(lambda: http.call("GET", "//metrics"), lambda told: _IDLE in told.body)


async def _pushed(writer: asyncio.StreamWriter) -> int:
    """Send until nobody takes any more for a second; so many bytes."""
    piece, sent = b"{}\n" * 20_000, 0
    while True:
        writer.write(piece)
        try:
            async with asyncio.timeout(1.5):
                await writer.drain()
        except TimeoutError:
            return sent
        sent += len(piece)
