"""Where a batch ends must not matter, nor that a batch is decided again from an older state."""

import random
from typing import Any

import pytest

from onhand.lua.format import Row
from onhand.lua.gate import Gate
from tests.lua.driver import (
    PARTITION,
    WINDOW_MS,
    A,
    Partition,
    Raw,
    State,
    receive,
    reserve,
    sweep,
    whole_state,
    wild,
    words,
)


def cut(rows: list[Row], dice: random.Random) -> list[list[Row]]:
    """The rows in batches of random sizes."""
    batches, i = [], 0
    while i < len(rows):
        size = dice.choice((1, 2, 7, 30, 400))
        batches.append(rows[i : i + size])
        i += size
    return batches


def generations(raw: Raw) -> list[int]:
    """The generations that exist."""
    return sorted(int(key.rsplit(b":", 1)[1]) for key in raw.keys(f"end:{{{PARTITION}}}:*"))


async def run(gate: Gate, raw: Raw, batches: list[list[Row]]) -> tuple[list[Any], State]:
    raw.flushall()
    partition = await Partition(gate, raw).birth()
    told = []
    for batch in batches:
        told += await partition.decide(*batch)
        partition.published = partition.mark
        clock = int(raw.hget(f"gate:{{{PARTITION}}}", "clock") or 0)
        assert set(generations(raw)) <= {clock // WINDOW_MS - 1, clock // WINDOW_MS}
    return told, partition.state()


@pytest.mark.parametrize("seed", range(6))
async def test_batch_borders_do_not_matter(gate: Gate, raw: Raw, seed: int) -> None:
    dice = random.Random(seed)
    rows = wild(seed, 400)
    one_by_one = await run(gate, raw, [[r] for r in rows])
    assert len({word for word in words(one_by_one[0])}) > 10  # the dice reach most outcomes
    for _ in range(3):
        assert await run(gate, raw, cut(rows, dice)) == one_by_one


async def test_an_older_copy_is_decided_again_alike(gate: Gate, raw: Raw) -> None:
    dice = random.Random(1)
    rows = wild(77, 300)
    partition = await Partition(gate, raw).birth()
    await partition.decide(*rows[:100])
    copy, mark = {key: raw.dump(key) for key in raw.keys("*")}, partition.mark
    first = [o for batch in cut(rows[100:], dice) for o in await partition.decide(*batch)]
    state = partition.state()
    raw.flushall()
    for key, value in copy.items():
        raw.restore(key, 0, value)
    partition.mark = mark
    second = [o for batch in cut(rows[100:], dice) for o in await partition.decide(*batch)]
    assert second == first
    assert partition.state() == state


async def test_ids_are_visible_for_at_least_the_window(gate: Gate, raw: Raw) -> None:
    partition = await Partition(gate, raw).birth()
    await partition.say(receive("a", 1), at_ms=5_999)
    assert words(await partition.say(receive("a", 1), at_ms=5_999 + WINDOW_MS)) == ["applied*"]
    assert generations(raw) == [5]
    assert words(await partition.say(receive("b", 1), receive("a", 1), at_ms=7_000)) == ["applied", "applied"]
    assert generations(raw) == [7]


async def test_a_jump_of_the_clock_within_a_batch_leaves_no_old_generation(gate: Gate, raw: Raw) -> None:
    partition = await Partition(gate, raw).birth()
    await partition.say(receive("a", 9), at_ms=5_000)
    told = await partition.say(
        receive("b", 1, at_ms=6_000),
        receive("a", 9, at_ms=6_999),
        receive("b", 1, at_ms=9_000),
        receive("c", 1, at_ms=9_500),
    )
    assert words(told) == ["applied", "applied*", "applied", "applied"]
    assert generations(raw) == [9]
    assert set(raw.hkeys(f"end:{{{PARTITION}}}:9")) == {b"b", b"c"}


async def test_more_ids_than_one_call_can_carry(gate: Gate, raw: Raw) -> None:
    partition = await Partition(gate, raw).birth(sweep_limit=4_000)
    count = 4_500
    await partition.say(receive("stock", count))
    told = await partition.say(*(reserve(f"r{i}", 1, ttl_ms=10) for i in range(count)))
    assert set(words(told)) == {"reserved"}
    assert await partition.gate.due(PARTITION, 5_010) == count
    assert len(await partition.say(sweep(), sweep(), at_ms=5_010)) == count
    state = whole_state(raw)
    assert state[f"inv:{{{PARTITION}}}:{A}"][b"available"] == str(count).encode()
    assert f"res:{{{PARTITION}}}" not in state
    assert f"due:{{{PARTITION}}}" not in state
