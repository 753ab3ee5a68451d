"""Where reservations are, or were until they ended: many ids, asked of all partitions at once, since nobody knows which has them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import ormsgpack

from onhand.lua.format import keys_of
from onhand.schemas.faults import Corrupt
from onhand.schemas.outcomes import Outcome

if TYPE_CHECKING:
    from redis.asyncio import Redis

_Key = TypeVar("_Key")
_ENDED, _AT = 3, 4
"""Columns of what was done, as `names.lua` has them."""
_ENDS = Outcome.COMMITTED, Outcome.RELEASED, Outcome.EXPIRED


async def find(redis: "Redis", ids: Sequence[str], partitions: int) -> dict[str, str]:
    """Positions by reservation id, of those that are active or ended within the window: of its home the first line.

    Two round trips at most, with a few commands for each partition. Raises redis' own errors, `Corrupt` for broken state.
    """
    found, generations = await _active(redis, ids, partitions)
    left = [id for id in ids if id not in found]
    return found | await _ended(redis, left, generations) if left else found


async def _active(redis: "Redis", ids: Sequence[str], partitions: int) -> tuple[dict[str, str], dict[int, int]]:
    """Those that are held, and by partition the generation of what was done. Of several partitions the highest is the home."""
    async with redis.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            keys = keys_of(partition)
            pipe.execute_command("HMGET", keys.res, *ids)
            # behind the holds: whatever had ended by then has done so in this generation or before
            pipe.execute_command("HMGET", keys.gate, "clock", "window_ms")
        replies = await pipe.execute()
    found: dict[str, str] = {}
    generations = {}
    for partition in range(partitions):
        holds, (clock_ms, window_ms) = replies[2 * partition : 2 * partition + 2]
        found |= {id: str(hold[0]) for id, hold in _unpacked(ids, holds)}
        if window_ms is not None:
            generations[partition] = int(clock_ms) // int(window_ms)
    return found, generations


async def _ended(redis: "Redis", ids: Sequence[str], generations: dict[int, int]) -> dict[str, str]:
    """Those that ended and are remembered. Every leg of an order remembers it, so the highest partition is the home here too."""
    async with redis.pipeline(transaction=False) as pipe:
        for partition, newest in generations.items():
            for generation in (newest - 1, newest):
                pipe.execute_command("HMGET", f"{keys_of(partition).end}{generation}", *ids)
        replies = await pipe.execute()
    found: dict[str, str] = {}
    for entries in replies:
        for id, done in _unpacked(ids, entries):
            if done[_ENDED] in _ENDS:
                found[id] = str(done[_AT] if isinstance(done[_AT], str) else done[_AT][0])
    return found


def _unpacked(ids: Sequence[_Key], values: Sequence[bytes | None]) -> Iterator[tuple[_Key, Any]]:
    for id, value in zip(ids, values, strict=True):
        if value is not None:
            try:
                yield id, ormsgpack.unpackb(value)
            except ormsgpack.MsgpackDecodeError as error:
                raise Corrupt(f"what the gate has under {id} is not msgpack") from error


async def last_stamp(redis: "Redis", source: int, partitions: int) -> int:
    """The greatest offset of a slip from `source` that any partition has seen; -1 where none has. Raises as `find`."""
    async with redis.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            pipe.execute_command("HGET", keys_of(partition).gate, "seen")
        replies = await pipe.execute()
    offsets = [-1]
    for _, seen in _unpacked(range(partitions), replies):
        offsets += [seen[at + 1] for at in range(0, len(seen), 3) if seen[at] == source]
    return max(offsets)
