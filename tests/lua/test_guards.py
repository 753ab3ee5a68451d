"""What ends a call before anything is decided, and what is kept of batches until they are published."""

import pytest

from onhand.lua.format import RULES, Already, Gap, Missing, Outcomes, RecordMark, Rules
from onhand.lua.gate import Gate
from onhand.schemas.faults import Corrupt
from tests.lua.driver import PARTITION, START_MS, A, Partition, Raw, number, receive, split, whole_state


@pytest.fixture
async def partition(gate: Gate, raw: Raw) -> Partition:
    """Decided up to offset 3."""
    partition = await Partition(gate, raw).birth()
    await partition.say(*(receive(f"r{i}", 1) for i in range(4)))
    return partition


async def test_a_missing_mark_is_not_zero(gate: Gate, raw: Raw) -> None:
    assert await gate.decide(PARTITION, -1, 0, -1, None, number([receive("a", 1)], 0)) == Missing()
    assert raw.keys() == []
    assert await gate.mark(PARTITION) is None
    assert await gate.offset(PARTITION) is None


async def test_behind_and_ahead_of_the_mark(gate: Gate, partition: Partition) -> None:
    before = whole_state(partition.raw)
    rows = number([receive("again", 1)], 3)
    assert await gate.decide(PARTITION, 2, 3, -1, None, rows) == Already(3)
    assert await gate.decide(PARTITION, -1, 9, -1, None, rows) == Already(3)
    assert await gate.decide(PARTITION, 4, 5, -1, None, rows) == Gap(3)
    assert whole_state(partition.raw) == before


async def test_state_of_other_rules_is_refused(gate: Gate, partition: Partition) -> None:
    partition.raw.hset(f"gate:{{{PARTITION}}}", "rules", RULES + 1)
    before = whole_state(partition.raw)
    assert await gate.decide(PARTITION, 3, 4, -1, None, number([receive("a", 1)], 4)) == Rules(RULES + 1)
    assert whole_state(partition.raw) == before


async def test_the_mark_tells_everything(gate: Gate, partition: Partition) -> None:
    rows = number([receive("x", 7)], 9, at_ms=START_MS + 3)
    answer = await gate.decide(PARTITION, 3, 11, 3, RecordMark(9, "abc", START_MS + 3), rows)
    assert isinstance(answer, Outcomes)
    mark = await gate.mark(PARTITION)
    assert mark is not None
    assert (mark.offset, mark.seq, mark.clock_ms) == (11, 5, START_MS + 3)
    assert mark.record == RecordMark(9, "abc", START_MS + 3)
    assert (mark.topic_id, mark.rules, mark.window_ms, mark.sweep_limit) == ("topic", RULES, 1_000, 3)
    assert mark.unpublished == [(3, 11, answer.blob)]
    assert (answer.first_seq, len(answer)) == (5, 1)
    assert split(answer) == [[9, 18, START_MS + 3, 11, 0, 5, 7, False, False]]


async def test_outcomes_are_kept_until_they_are_published(gate: Gate, partition: Partition) -> None:
    for offset in (4, 5, 6):
        await gate.decide(PARTITION, offset - 1, offset, -1, None, number([receive(f"n{offset}", 1)], offset))
    mark = await gate.mark(PARTITION)
    assert mark is not None
    assert [(b.prev, b.last) for b in mark.unpublished] == [(-1, 3), (3, 4), (4, 5), (5, 6)]
    await gate.decide(PARTITION, 6, 7, 4, None, number([receive("n7", 1)], 7))
    mark = await gate.mark(PARTITION)
    assert mark is not None
    assert [(b.prev, b.last) for b in mark.unpublished] == [(4, 5), (5, 6), (6, 7)]
    fields = partition.raw.hkeys(f"gate:{{{PARTITION}}}")
    assert sorted(f for f in fields if f.startswith(b"o:")) == [b"o:5", b"o:6", b"o:7"]


async def test_no_rows_move_the_mark_or_only_trim(gate: Gate, partition: Partition) -> None:
    assert partition.seen is not None
    answer = await gate.decide(PARTITION, 3, 8, -1, None, [])
    assert isinstance(answer, Outcomes)
    assert (len(answer), answer.first_seq) == (0, 5)
    mark = await gate.mark(PARTITION)
    assert mark is not None
    assert (mark.offset, mark.record, len(mark.unpublished)) == (8, partition.seen, 1)
    await gate.decide(PARTITION, 8, 8, 3, None, [])
    mark = await gate.mark(PARTITION)
    assert mark is not None
    assert (mark.offset, mark.unpublished) == (8, [])


@pytest.mark.parametrize(("prev", "last"), [(3, 2), (3, 3)])
async def test_rows_need_offsets_beyond_the_mark(gate: Gate, partition: Partition, prev: int, last: int) -> None:
    before = whole_state(partition.raw)
    with pytest.raises(Corrupt):
        await gate.decide(PARTITION, prev, last, -1, None, number([receive("a", 1)], 3))
    assert whole_state(partition.raw) == before


async def test_too_many_unpublished_batches_stop_the_gate(gate: Gate, partition: Partition) -> None:
    for offset in range(4, 1_003):
        await gate.decide(PARTITION, offset - 1, offset, -1, None, number([receive("a", 1, A)], offset))
    before = whole_state(partition.raw)
    rows = number([receive("a", 1)], 1_003)
    with pytest.raises(Corrupt, match="not published"):
        await gate.decide(PARTITION, 1_002, 1_003, -1, None, rows)
    assert whole_state(partition.raw) == before
    assert isinstance(await gate.decide(PARTITION, 1_002, 1_003, 4, None, rows), Outcomes)


async def test_birth_happens_once(gate: Gate, raw: Raw) -> None:
    assert await gate.birth(PARTITION, "topic", 8, 1_000, 3)
    before = whole_state(raw)
    assert not await gate.birth(PARTITION, "other", 9, 9, 9)
    assert whole_state(raw) == before
    with pytest.raises(ValueError, match="sweep_limit"):
        await gate.birth(PARTITION + 1, "topic", 8, 1_000, 4_001)
