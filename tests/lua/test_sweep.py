"""What a sweep ends: at most its limit, in order of expiry and id, whatever the same batch did to the holds."""

import pytest

from onhand.lua.gate import Gate
from onhand.schemas.commands import Op
from tests.lua.driver import PARTITION, SWEEP_LIMIT, A, B, Partition, Raw, of, receive, reserve, sweep, words


@pytest.fixture
async def stocked(gate: Gate, raw: Raw) -> Partition:
    """100 of each of two positions."""
    partition = await Partition(gate, raw).birth()
    await partition.say(receive("in-a", 100), receive("in-b", 100, B))
    return partition


def ended(told: list[list[object]]) -> list[str]:
    """The reservations of the outcomes that are expiries."""
    return [o[8][0] for o in told if o[1] == 17]  # type: ignore[index]


async def test_limit_order_and_ties(stocked: Partition) -> None:
    await stocked.say(
        reserve("d", 1, 100), reserve("c", 2, 100, B, channel="web", order_id="o-1"), reserve("b", 1, 50),
        reserve("a", 1, 101), reserve("z", 1, 900),
    )  # fmt: skip
    first = await stocked.say(sweep(), at_ms=5_500)
    assert ended(first) == ["b", "c", "d"]
    assert len(first) == SWEEP_LIMIT
    assert first[1] == [first[0][0], 17, 5_500, 100, 0, 3, 2, False, ["c", B, "web", "o-1"]]
    assert ended(await stocked.say(sweep(), at_ms=5_500)) == ["a"]
    assert await stocked.say(sweep(), at_ms=5_500) == []
    assert await stocked.gate.due(PARTITION, 9_999) == 1


async def test_an_expiry_at_the_clock_is_due_and_one_after_it_is_not(stocked: Partition) -> None:
    await stocked.say(reserve("a", 1, 100))
    assert await stocked.say(sweep(), at_ms=5_099) == []
    assert ended(await stocked.say(sweep(), at_ms=5_100)) == ["a"]


async def test_holds_that_the_same_batch_puts_extends_and_ends(stocked: Partition) -> None:
    await stocked.say(
        reserve("old-1", 1, 10), reserve("old-2", 1, 20), reserve("old-3", 1, 30), reserve("old-4", 1, 40)
    )
    told = await stocked.say(
        of(Op.COMMIT, "c1", "old-1"), of(Op.EXTEND, "x1", "old-2", ttl_ms=800), reserve("new-1", 1, 5),
        reserve("new-2", 1, 7), of(Op.RELEASE, "c2", "new-2"), sweep(at_ms=5_300), sweep(at_ms=5_300),
    )  # fmt: skip
    assert ended(told) == ["new-1", "old-3", "old-4"]
    assert stocked.raw.zrange(f"due:{{{PARTITION}}}", 0, -1, withscores=True) == [(b"old-2", 5_800.0)]
    assert stocked.raw.hkeys(f"res:{{{PARTITION}}}") == [b"old-2"]


async def test_an_extension_backwards_is_swept_at_its_new_time(stocked: Partition) -> None:
    await stocked.say(reserve("a", 1, 900), reserve("b", 1, 900))
    told = await stocked.say(of(Op.EXTEND, "x", "a", ttl_ms=10), sweep(at_ms=5_010), at_ms=5_000)
    assert ended(told) == ["a"]


async def test_a_swept_id_is_known_in_the_same_batch(stocked: Partition) -> None:
    await stocked.say(reserve("a", 4, 10))
    told = await stocked.say(sweep(), of(Op.COMMIT, "c", "a"), reserve("a", 4, 10), reserve("a", 5), at_ms=5_500)
    assert words(told) == ["expired", "already_expired", "reserved*", "id_reused"]
    assert told[2][6:8] == [4, False]


async def test_a_late_commit_wins_if_it_stands_before_the_sweep(stocked: Partition) -> None:
    await stocked.say(reserve("a", 4, 10))
    told = await stocked.say(of(Op.COMMIT, "c", "a"), sweep(), at_ms=5_500)
    assert words(told) == ["committed"]
    assert stocked.raw.hget(f"inv:{{{PARTITION}}}:{A}", "total") == b"96"


async def test_a_position_seen_only_by_a_sweep_is_read(stocked: Partition) -> None:
    await stocked.say(reserve("a", 4, 10, B))
    assert (await stocked.say(sweep(), at_ms=5_500))[0][3:6] == [100, 0, 3]
