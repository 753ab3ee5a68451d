"""What is not as agreed is refused before anything is written: the whole store is as before."""

import math
from collections.abc import Callable
from typing import Any

import ormsgpack
import pytest
import redis

from onhand.lua.format import RecordMark, Slip, keys_of, pack_rows
from onhand.lua.gate import Gate
from onhand.lua.scripts import GATE
from onhand.schemas.commands import Op
from onhand.schemas.faults import Corrupt
from tests.lua.driver import PARTITION, A, B, Partition, Raw, number, of, receive, reserve, sweep, whole_state, words

KEYS = keys_of(PARTITION)
GOOD = receive("good", 1)
RESERVE, ADJUST, COMMIT = reserve("a", 1), {**receive("a", 1), "op": Op.ADJUST}, of(Op.COMMIT, "a", "held")


@pytest.fixture
async def partition(gate: Gate, raw: Raw) -> Partition:
    """100 at A, of which 4 are held; 50 at B, of which 1 is held and due."""
    partition = await Partition(gate, raw).birth()
    await partition.say(receive("in-a", 100), receive("in-b", 50, B), reserve("held", 4), reserve("due", 1, 10, B))
    return partition


async def refuses(partition: Partition, *wishes: dict[str, Any], at_ms: int = 5_000) -> None:
    before = whole_state(partition.raw)
    last, rows = partition.mark + len(wishes), number(wishes, partition.mark + 1, at_ms)
    with pytest.raises(Corrupt):
        await partition.gate.decide(PARTITION, partition.mark, last, -1, None, rows)
    assert whole_state(partition.raw) == before


BAD_ROWS: list[dict[str, Any]] = [
    *({**RESERVE, "quantity": q} for q in (0, -1, 1.5, "1", None, True, math.nan, math.inf, 100_000_000_001, [1])),
    *({**GOOD, "quantity": q} for q in (0, -1, 0.5, 1_000_000_001, None, "5")),
    *({**ADJUST, "quantity": q} for q in (0, 1_000_000_001, -1_000_000_001, -0.5, None, math.nan)),
    *({**RESERVE, "ttl_ms": ttl} for ttl in (0, -1, 1.5, None, "600", 86_400_001, math.inf)),
    *({**of(Op.EXTEND, "a", "held"), "ttl_ms": ttl} for ttl in (0, None)),
    *({**COMMIT, "reservation_id": rid} for rid in (None, "", 7, True)),
    {**COMMIT, "quantity": 4},
    *({**GOOD, "id": id_} for id_ in (None, "", 7, ["x"], False)),
    *({**GOOD, "position": at} for at in (None, "", 7, ["x"], False)),
    *({**GOOD, "body": body} for body in (None, -1, 0.5, "7", 2**60, math.nan)),
    *({**GOOD, "op": op} for op in (-1, 11, 21, 0.5, "5", None, True)),
    *({**GOOD, "at_ms": at} for at in (-1, 0.5, None, "5000", 10**15, math.nan, math.inf)),
    *({**GOOD, "offset": offset} for offset in (0, 2, 4, 9, 5.5, None, "5")),
    {**RESERVE, "channel": 7},
    {**RESERVE, "order_id": ["o"]},
    {**RESERVE, "order_id": False},
    sweep(at_ms=None),
    {"op": Op.INVALID, "offset": None},
]


STAMP = Slip(1, 2, 3)
HOP_SLIP = Slip(1, 2, 3, 4_000, 9_000, line=0, home=False, legs=[1])
ORDER: dict[str, Any] = {"op": Op.ORDER, "id": "a", "position": A, "quantity": 1, "body": 7, "ttl_ms": 1_000}
ORDER |= {"slip": Slip(line=0, home=3)}
HOP = ORDER | {"slip": HOP_SLIP}
ARRIVAL = {**GOOD, "op": Op.ARRIVAL, "slip": Slip(1, 2, 3, 4_000, rest={"source": B, "dispatch": True})}
UNPLACED: dict[str, Any] = {"op": Op.UNPLACED, "slip": STAMP}
SETTLE: dict[str, Any] = {"op": Op.SETTLE, "id": "a", "body": 7, "reservation_id": "held"}
UNDO: dict[str, Any] = {"op": Op.UNDO_ORDER, "id": "held", "position": A, "body": 7}


def _slips(row: dict[str, Any], field: str, *values: Any) -> list[dict[str, Any]]:
    return [row | {"slip": row["slip"]._replace(**{field: value})} for value in values]


def _ends(how: Any, order: Any, stamp: Slip = STAMP, **more: Any) -> Slip:
    return stamp._replace(opened_at_ms=4_000, rest={"how": how, "order": order}, **more)


BAD_SLIPS: list[dict[str, Any]] = [
    *(row | {"position": at} for row in (ORDER, HOP) for at in ("", 7, None, False, ["x"])),
    *(row | {"quantity": q} for row in (ORDER, HOP) for q in (0, -1, 0.5, None, "1", 100_000_000_001)),
    *_slips(ORDER, "line", None, 0.5, 100, "x"),
    *_slips(ORDER, "more", [], [B, 1], [B, 0, 1], ["", 1, 1], [7, 1, 1], [B, 1, 100], [B, 0.5, 1], [B, 1, "x"]),
    *_slips(ORDER, "home", 0.5, "x", True, None),
    *_slips(HOP, "legs", ["x"], [0.5], None, 7),
    *_slips(HOP, "from_partition", None, 0.5, "x", True),
    *_slips(HOP, "from_offset", None, 0.5, "x"),
    *_slips(HOP, "from_index", None, 0.5, "x"),
    *_slips(HOP, "opened_at_ms", 0.5, "x", 10**15),
    *_slips(HOP, "expires_at_ms", 0.5, "x", 10**15),
    *_slips(ARRIVAL, "from_partition", None),
    *_slips(ARRIVAL, "opened_at_ms", None),
    *_slips(ARRIVAL, "rest", None, {"dispatch": True}, {"source": "", "dispatch": True}, {"source": 7}),
    *({**UNPLACED, "slip": slip} for slip in (None, Slip(None, 2, 3))),
    *({**SETTLE, "slip": slip} for slip in (None, _ends(12, 7), _ends(19, 7), _ends(16, None), _ends(14, 7))),
    *({**SETTLE, "slip": slip} for slip in (_ends(16, 7, Slip()), _ends(16, 0.5), _ends(14, 7, expires_at_ms="x"))),
    *({**UNDO, "slip": slip} for slip in (None, STAMP, Slip(1, 2, 3, 4_000, rest={"refused": 13}))),
    {**UNDO, "quantity": 1, "slip": Slip(1, 2, 3, 4_000, rest={"refused": 12})},
    {**ORDER, "slip": None},
]
BAD_ROWS += BAD_SLIPS


@pytest.mark.parametrize("good", [ORDER, HOP, ARRIVAL, UNPLACED], ids=repr)
async def test_what_the_bad_slips_were_made_of_is_good(partition: Partition, good: dict[str, Any]) -> None:
    assert await partition.say(good)


@pytest.mark.parametrize("bad", BAD_ROWS, ids=repr)
async def test_a_bad_row_refuses_the_whole_batch(partition: Partition, bad: dict[str, Any]) -> None:
    await refuses(partition, GOOD, bad)


@pytest.mark.parametrize("bad", BAD_ROWS, ids=repr)
async def test_a_bad_row_is_refused_where_nothing_was_ever_done(gate: Gate, raw: Raw, bad: dict[str, Any]) -> None:
    """There are no ids to look up, which would also fail on an id that is none."""
    partition = await Partition(gate, raw).birth()
    offset = {"offset": bad["offset"] - 4} if type(bad.get("offset")) is int else {}
    await refuses(partition, GOOD, bad | offset)


@pytest.mark.parametrize("place", range(3))
async def test_a_row_of_nothing_does_not_end_the_batch_early(partition: Partition, place: int) -> None:
    """In Lua the length of a column ends at a hole, or does not."""
    rows: list[Any] = list(number([GOOD, receive("b", 1), receive("c", 1)], 4, 5_000))
    rows[place] = (None,) * 12
    before = whole_state(partition.raw)
    with pytest.raises(Corrupt):
        await partition.gate.decide(PARTITION, 3, 6, -1, RecordMark(6, "hash", 5_000), rows)
    assert whole_state(partition.raw) == before


COLUMNS = len(ormsgpack.unpackb(pack_rows([])))
NO_ROWS = [
    b"", b"\xc1", b"\x91\x9b", b"\x05", b"\xa1x", ormsgpack.packb([[1, b"bytes"]]), ormsgpack.packb([[1]] * (COLUMNS - 1)),
    ormsgpack.packb([[1]] * (COLUMNS + 1)), ormsgpack.packb([1] * COLUMNS),
    ormsgpack.packb([[9], [4, 5], *[[1]] * (COLUMNS - 2)]), ormsgpack.packb([[9], [4], [], *[[1]] * (COLUMNS - 3)]),
]  # fmt: skip


@pytest.mark.parametrize("blob", NO_ROWS)
@pytest.mark.parametrize("place", [8, 2, 3, 4])
async def test_arguments_that_are_none(partition: Partition, blob: bytes, place: int) -> None:
    args: list[Any] = [KEYS.inv, KEYS.end, 3, 4, -1, "", "", "", pack_rows(number([GOOD], 4))]
    args[place] = blob
    before = whole_state(partition.raw)
    partition.raw.script_load(GATE.text)
    with pytest.raises(redis.ResponseError, match="CORRUPT"):
        partition.raw.evalsha(GATE.sha, 3, *KEYS[:3], *args)
    assert whole_state(partition.raw) == before


@pytest.mark.parametrize("number_", ["nan", "inf", "0x10", "1e3", " 4", "4.0", "", "-2", "99999999999999999999"])
async def test_offsets_are_plain_whole_numbers(partition: Partition, number_: str) -> None:
    partition.raw.hset(KEYS.gate, "offset", number_)
    await refuses(partition, GOOD)


Break = Callable[[Raw], Any]
BROKEN_STATE: dict[str, Break] = {
    "available is negative": lambda r: r.hset(KEYS.inv + A, mapping={"available": -1, "total": 3}),
    "available is a fraction": lambda r: r.hset(KEYS.inv + A, mapping={"available": 96.5, "total": 100.5}),
    "available is nan": lambda r: r.hset(KEYS.inv + A, "available", "nan"),
    "available is a word": lambda r: r.hset(KEYS.inv + A, "available", "many"),
    "total is not the sum": lambda r: r.hset(KEYS.inv + A, "total", 101),
    "reserved is missing": lambda r: r.hdel(KEYS.inv + A, "reserved"),
    "version is missing its digits": lambda r: r.hset(KEYS.inv + A, "version", "x"),
    "position is no hash": lambda r: (r.delete(KEYS.inv + A), r.set(KEYS.inv + A, "x")),
    "less reserved than held": lambda r: r.hset(KEYS.inv + A, mapping={"reserved": 3, "total": 99}),
    "hold is garbage": lambda r: r.hset(KEYS.res, "held", b"\xc1"),
    "hold is a fraction": lambda r: r.hset(KEYS.res, "held", ormsgpack.packb([A, 0.5, 5_500, 1, False, False])),
    "hold of nothing": lambda r: r.hset(KEYS.res, "held", ormsgpack.packb([A, 0, 5_500, 1, False, False])),
    "hold of a text": lambda r: r.hset(KEYS.res, "held", ormsgpack.packb([A, "4", 5_500, 1, False, False])),
    "hold without an end": lambda r: r.hset(KEYS.res, "held", ormsgpack.packb([A, 4, None, 1, False, False])),
    "hold without a position": lambda r: r.hset(KEYS.res, "held", ormsgpack.packb([None, 4, 5_500, 1, False, False])),
    "hold without a channel": lambda r: r.hset(KEYS.res, "held", ormsgpack.packb([A, 4, 5_500, 1, None, False])),
    "hold cut short": lambda r: r.hset(KEYS.res, "held", ormsgpack.packb([A, 4, 5_500])),
    "hold is no list": lambda r: r.hset(KEYS.res, "held", ormsgpack.packb(7)),
    "res is no hash": lambda r: (r.delete(KEYS.res), r.set(KEYS.res, "x")),
    "due is no sorted set": lambda r: (r.delete(KEYS.due), r.set(KEYS.due, "x")),
    "due without a hold": lambda r: r.zadd(KEYS.due, {"ghost": 1}),
    "the generation is no hash": lambda r: (r.delete(KEYS.end + "5"), r.set(KEYS.end + "5", "x")),
    "the new generation is no hash": lambda r: r.set(KEYS.end + "7", "x"),
    "seq is no number": lambda r: r.hset(KEYS.gate, "seq", "nan"),
    "clock is negative": lambda r: r.hset(KEYS.gate, "clock", "-1"),
    "window is zero": lambda r: r.hset(KEYS.gate, "window_ms", "0"),
    "sweep limit is missing": lambda r: r.hdel(KEYS.gate, "sweep_limit"),
    "rules are missing": lambda r: r.hdel(KEYS.gate, "rules"),
    "unpublished is garbage": lambda r: r.hset(KEYS.gate, "unpublished", b"\xc1"),
    "the swept position is no hash": lambda r: (r.delete(KEYS.inv + B), r.set(KEYS.inv + B, "x")),
}


@pytest.mark.parametrize("broken", BROKEN_STATE)
async def test_broken_state_is_refused_and_left(partition: Partition, broken: str) -> None:
    assert BROKEN_STATE[broken](partition.raw) is not None
    before = whole_strings(partition.raw)
    rows = number([GOOD, of(Op.COMMIT, "c", "held"), sweep(at_ms=7_100)], 4, 5_000)
    with pytest.raises(Corrupt):
        await partition.gate.decide(PARTITION, 3, 6, -1, None, rows)
    assert whole_strings(partition.raw) == before


def whole_strings(raw: Raw) -> dict[bytes, bytes | None]:
    """Every key as the server dumps it; of broken state, so of any type."""
    return {key: raw.dump(key) for key in sorted(raw.keys())}


async def test_the_batch_is_right_without_what_breaks_it(partition: Partition) -> None:
    told = await partition.say(GOOD, of(Op.COMMIT, "c", "held"), sweep(at_ms=7_100))
    assert words(told) == ["applied", "committed", "expired"]
