"""The parts of a batch that need no server: lines, forms, ids, answers on their way out."""

import asyncio
import uuid

import pytest

from onhand.agents.gateway.batch.forms import from_csv, from_json
from onhand.agents.gateway.batch.lines import Splitter
from onhand.agents.gateway.batch.outbox import Outbox
from onhand.agents.gateway.batch.wishes import keyed_ids, wish
from onhand.schemas.codec import MAX_BYTES, Malformed
from onhand.sql.batches import Block

ID = "0199c0de-7a3b-7c11-9d2e-5f6a7b8c9d0e"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_however_they_come(size: int) -> None:
    body, splitter = b"one\r\ntwo\n\nfour\nfive", Splitter()
    lines = [line for at in range(0, len(body), size) for line in splitter.feed(body[at : at + size])]
    assert lines + splitter.end() == [b"one", b"two", b"", b"four", b"five"]
    assert Splitter().end() == []


def test_a_line_without_end_takes_no_memory_and_the_next_one_is_right() -> None:
    splitter = Splitter()
    for _ in range(100):
        assert splitter.feed(b"x" * 60_000) == []
        assert len(splitter._rest) <= MAX_BYTES + 2
    long, good = splitter.feed(b'x\n{"type":"receive"}\n')
    assert good == b'{"type":"receive"}'
    for form in (from_json, from_csv(b"type,sku_id")):
        with pytest.raises(Malformed, match="line: is more than 65536 bytes"):
            form(long)


HEADER = b"\xef\xbb\xbftype, sku_id,warehouse_id,quantity,final,reason"


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        (b"receive,A,1,5,,", {"type": "receive", "sku_id": "A", "warehouse_id": 1, "quantity": 5}),
        (b'adjust,A,1,,,"a, ""b"""', {"type": "adjust", "sku_id": "A", "warehouse_id": 1, "reason": 'a, "b"'}),
        (b"arrive,A,1,0,true,", {"type": "arrive", "sku_id": "A", "warehouse_id": 1, "quantity": 0, "final": True}),
        (b"receive,007,01,1.0,yes,", {"type": "receive", "sku_id": "007", "warehouse_id": 1, "quantity": "1.0", "final": "yes"}),
    ],
)  # fmt: skip
def test_a_row_is_a_command(row: bytes, fields: dict[str, object]) -> None:
    assert from_csv(HEADER)(row) == fields


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"", "row: has 0 cells, the header 6"),
        (b"receive,A,1,5,,,", "row: has 7 cells, the header 6"),
        (b'receive,"A,1,5,,', "row: "),
        (b"receive,\xff,1,5,,", "row: is not UTF-8"),
        (b"reserve,A,1,5,,", "type: is not one of receive, "),
        (b",,,,,", "type: is not one of receive, "),
    ],
)
def test_a_row_that_is_none_says_why(row: bytes, message: str) -> None:
    with pytest.raises(Malformed) as told:
        from_csv(HEADER)(row)
    assert told.value.message.startswith(message)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "header: type is missing"),
        (b"sku_id,quantity", "header: type is missing"),
        (b"type,colour", "header: 'colour' is not a field of a movement"),
        (b"type;sku_id", "header: 'type;sku_id' is not a field of a movement"),
        (b"type,sku_id,type", "header: a field is there twice"),
    ],
)
def test_a_header_that_is_none_says_why(header: bytes, message: str) -> None:
    with pytest.raises(Malformed) as told:
        from_csv(header)
    assert told.value.message == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "value: is not JSON"),
        (b"[1]", "value: is not a JSON object"),
        (b"[" * 5_000, "value: is not JSON"),
        (b'{"type":"receive","sku_id":"\xff"}', "value: is not JSON"),
        (b'{"type":"reserve"}', "type: is not one of"),
        (b'{"type":["receive"]}', "type: is not one of"),
        (b'{"type":"receive","sku_id":"A","warehouse_id":1,"quantity":"5"}', "quantity: must be an integer"),
        (b'{"type":"receive","sku_id":"A","warehouse_id":1,"quantity":%s}' % (b"9" * 400), "quantity: "),
        (b'{"type":"receive","sku_id":"A","warehouse_id":1,"quantity":5,"x":1}', "x: is not a field of this command"),
        (b'{"type":"receive","sku_id":"A","warehouse_id":1,"quantity":5,"id":7}', "id: "),
    ],
)
def test_a_line_that_is_no_command_says_why(line: bytes, message: str) -> None:
    with pytest.raises(Malformed) as told:
        wish(1, line, from_json, lambda _: ID, 8)
    assert told.value.message.startswith(message)


def test_a_line_with_an_id_keeps_it_and_null_is_none() -> None:
    line = b'{"type":"count","sku_id":"A","warehouse_id":1,"counted_qty":0,"id":%s,"actor":null}'
    other = str(uuid.uuid4())
    named, unnamed = (wish(1, line % id, from_json, lambda _: ID, 8) for id in (b'"%s"' % other.encode(), b"null"))
    assert (named.id, unnamed.id, named.positions) == (other, ID, ("A:1",))
    assert named.hash != unnamed.hash
    assert b"actor" not in named.value


def test_ids_of_lines_are_version_5_of_the_call_and_the_number() -> None:
    for name in ("POST /api/v1/inventory/batch k", "é"):
        id_of = keyed_ids(ID, name)
        assert all(id_of(line) == str(uuid.uuid5(uuid.UUID(ID), f"{name} {line}")) for line in range(1, 200))


def test_a_block_comes_back_as_it_was_stored() -> None:
    numbers, hashes = b"".join(n.to_bytes(4, "big") for n in (3, 5, 9)), bytes(range(24))
    block = Block.from_row(numbers, hashes, None, 5)
    assert (block.numbers, block.hashes[1], block.answers, block.age_ms) == ((3, 5, 9), hashes[8:16], {}, 5)


async def test_answers_go_out_in_order_and_too_many_close_the_door() -> None:
    box = Outbox(ahead_bytes=10)
    first, second = (asyncio.get_running_loop().create_future() for _ in range(2))
    box.expect(first)
    box.expect(second)
    box.close()
    second.set_result(b"b" * 8)
    await asyncio.sleep(0)
    assert box.room.is_set()
    first.set_result(b"a" * 8)
    await asyncio.sleep(0)
    assert not box.room.is_set()
    parts = box.parts()
    assert await anext(parts) == b"a" * 8
    assert box.room.is_set()
    assert [part async for part in parts] == [b"b" * 8]
