"""Quantities at their limits, and positions that were never touched."""

from onhand.lua.format import Level
from onhand.lua.gate import Gate
from onhand.schemas.commands import Op
from tests.lua.driver import PARTITION, A, B, Partition, Raw, of, receive, reserve, words

MAX = 2_000_000_000
HALF = 1_000_000_000


async def test_two_billion_is_the_most(gate: Gate, raw: Raw) -> None:
    partition = await Partition(gate, raw).birth()
    told = await partition.say(
        receive("a", HALF), receive("b", HALF - 1), receive("c", 2), {**receive("d", 2), "op": Op.RETURN},
        {**receive("e", 2), "op": Op.ADJUST}, receive("f", 1), reserve("r", MAX), receive("g", 1),
        {**receive("h", 1), "op": Op.SHIP}, {**receive("i", -1), "op": Op.ADJUST}, of(Op.COMMIT, "k", "r"),
    )  # fmt: skip
    assert words(told) == [
        "applied", "applied", "limit_exceeded", "limit_exceeded", "limit_exceeded", "applied", "reserved",
        "limit_exceeded", "insufficient_stock", "insufficient_stock", "committed",
    ]  # fmt: skip
    assert told[6][3:6] == [0, MAX, 4]
    assert await gate.levels(PARTITION, [A, B]) == {A: Level(0, 0, 0, 5), B: Level(0, 0, 0, 0)}


async def test_a_folded_reserve_may_wish_more_than_ever_was(gate: Gate, raw: Raw) -> None:
    partition = await Partition(gate, raw).birth()
    assert words(await partition.say(reserve("r", 100 * HALF))) == ["insufficient_stock"]


async def test_refused_commands_leave_no_trace(gate: Gate, raw: Raw) -> None:
    partition = await Partition(gate, raw).birth()
    told = await partition.say(reserve("r", 1), {**receive("s", 5), "op": Op.SHIP}, of(Op.COMMIT, "c", "r"))
    assert words(told) == ["insufficient_stock", "insufficient_stock", "unknown_reservation"]
    assert raw.keys() == [f"gate:{{{PARTITION}}}".encode()]
    told = await partition.say(receive("r", 1), reserve("s", 1))
    assert words(told) == ["applied", "reserved"]


async def test_records_without_a_position_have_no_numbers(gate: Gate, raw: Raw) -> None:
    partition = await Partition(gate, raw).birth()
    told = await partition.say({"op": 0, "body": None}, {"op": 0, "body": None, "position": A})
    assert [o[1:] for o in told] == [
        [0, 5_000, -1, -1, -1, False, False, False], [0, 5_000, 0, 0, 0, False, False, False],
    ]  # fmt: skip
