"""The typed client of the gate: one method per script, and the few reads that a lane, a sweeper and a reader need.

Faults: `Retryable` where the server is away, busy or does not take writes now (the same call again is right: the script is
idempotent by its watermark); `Corrupt` for every other error, which no second try would heal.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import ormsgpack
from redis.asyncio import Redis
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TimedOut

from onhand.lua.connection import redis_at
from onhand.lua.format import (
    RULES,
    Alarm,
    Already,
    Decided,
    Gap,
    Keys,
    Level,
    Mark,
    Missing,
    RecordMark,
    Row,
    Rules,
    keys_of,
    pack_rows,
    unpack_mark,
    unpack_outcomes,
)
from onhand.lua.gate.stock import Stock, read_stock
from onhand.lua.gate.whereabouts import find, last_stamp
from onhand.lua.scripts import BIRTH, GATE, Script
from onhand.schemas.faults import Corrupt, Retryable

TIMEOUT_S = 5.0
MAX_SWEEP_LIMIT = 4_000
_CALLS = 4
"""Calls that decide, at the server at once: it has one thread, and readers stand in the same queue."""

_PASSING = (
    ConnectionLost, TimedOut, NoScriptError, BusyLoadingError, ReadOnlyError, OutOfMemoryError, MasterDownError,
    ClusterDownError, MovedError, AskError, TryAgainError,
)  # fmt: skip
_PASSING_WORDS = ("MISCONF", "NOREPLICAS", "BUSY", "UNKILLABLE")
"""Codes for which redis-py has no class: they stand at the beginning of the message."""

_LEVEL = ("available", "reserved", "total", "version")


def connect(url: str, timeout_s: float = TIMEOUT_S) -> "Gate":
    """A gate at `redis://` or `rediss://` (nothing is sent yet). Close it with `close()`."""
    return Gate(redis_at(url), timeout_s)


class Gate:
    """The partitions' state in Redis."""

    def __init__(self, redis: "Redis", timeout_s: float = TIMEOUT_S) -> None:
        self._redis = redis
        self._send: Callable[..., Awaitable[Any]] = redis.execute_command
        self._timeout_s = timeout_s
        self._keys: dict[int, Keys] = {}
        self._room = asyncio.Semaphore(_CALLS)

    async def decide(
        self, partition: int, prev: int, last: int, published: int, record: RecordMark | None, rows: Sequence[Row]
    ) -> Decided:
        """Decide the records at offsets in (prev, last], one round trip.

        `prev` must be the watermark. `published`: outcomes of batches up to that offset are needed no more. `record`: the
        last real record among them. `rows` may be empty, for offsets that hold no record.
        """
        keys = self._keys_of(partition)
        mark: Sequence[Any] = record if record is not None else ("", "", "")
        args = (keys.inv, keys.end, prev, last, published, *mark, pack_rows(rows))
        async with self._room:
            reply = await self._script(GATE, keys[:4], *args)
        return unpack_outcomes(reply) if isinstance(reply, bytes) else _refusal(reply)

    async def birth(self, partition: int, topic_id: str, partitions: int, window_ms: int, sweep_limit: int) -> bool:
        """Write the partition's first mark; False where it has one, which stays as it is.

        `window_ms`: how long ids are remembered; `sweep_limit` (1..4000): holds that one sweep ends at most.
        """
        if window_ms < 1 or not 1 <= sweep_limit <= MAX_SWEEP_LIMIT:
            raise ValueError(f"window_ms {window_ms} or sweep_limit {sweep_limit} is out of range")
        return bool(
            await self._script(
                BIRTH, [self._keys_of(partition).gate], topic_id, partitions, window_ms, sweep_limit, RULES
            )
        )

    async def mark(self, partition: int) -> Mark | None:
        """The partition's mark with the outcomes that may be unpublished; None where there is none."""
        fields = await self._call(self._send("HGETALL", self._keys_of(partition).gate))
        return unpack_mark(fields)

    async def offset(self, partition: int) -> int | None:
        """The watermark alone: the last decided offset, -1 at birth, None where there is none."""
        value = await self._call(self._send("HGET", self._keys_of(partition).gate, "offset"))
        return None if value is None else int(value)

    async def due(self, partition: int, now_ms: int) -> int:
        """How many holds have their expiry at or before now_ms."""
        return int(await self._call(self._send("ZCOUNT", self._keys_of(partition).due, "-inf", now_ms)))

    async def levels(self, partition: int, positions: Iterable[str]) -> dict[str, Level]:
        """The stock of positions of one partition, one round trip."""
        wanted, prefix = list(positions), self._keys_of(partition).inv
        async with self._redis.pipeline(transaction=False) as pipe:
            for position in wanted:
                pipe.execute_command("HMGET", prefix + position, *_LEVEL)
            found = await self._call(pipe.execute())
        return {
            position: Level(*(int(n or 0) for n in numbers)) for position, numbers in zip(wanted, found, strict=True)
        }

    async def stock(self, positions: Mapping[int, Sequence[str]]) -> dict[str, Stock]:
        """What is available of positions by partition, one round trip; those of a partition without a mark are left out."""
        return await self._call(read_stock(self._redis.connection_pool, positions)) if positions else {}

    async def seqs(self, partitions: int) -> list[int]:
        """The last seq that was given in each partition, 0 where there is no mark; one round trip."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for partition in range(partitions):
                pipe.execute_command("HGET", self._keys_of(partition).gate, "seq")
            found = await self._call(pipe.execute())
        return [int(seq or 0) for seq in found]

    async def holds(self, reservation_id: str, partitions: int) -> dict[int, str]:
        """Where a reservation is active: in each partition that has lines of it the position of the first one; one round trip.

        Of several partitions the highest is its home.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            for partition in range(partitions):
                pipe.execute_command("HGET", self._keys_of(partition).res, reservation_id)
            found = await self._call(pipe.execute())
        return {partition: _held_at(hold) for partition, hold in enumerate(found) if hold}

    async def whereabouts(self, reservation_ids: Sequence[str], partitions: int) -> dict[str, str]:
        """A position of each of those reservations that is active, or ended within the window; two round trips at most.

        A partition that knows nothing (its mark is lost, or it is being rebuilt) has none: the ledger must be asked for the rest.
        """
        return await self._call(find(self._redis, reservation_ids, partitions)) if reservation_ids else {}

    async def stamped(self, source: int, partitions: int) -> int:
        """The greatest offset of a slip from that source that any partition has seen; -1 where none has."""
        return int(await self._call(last_stamp(self._redis, source, partitions)))

    async def alarm(self, partition: int) -> Alarm | None:
        """Why the partition's lane stopped; None while it may run."""
        value = await self._call(self._send("GET", self._keys_of(partition).alarm))
        return None if value is None else Alarm(**json.loads(value))

    async def raise_alarm(self, partition: int, alarm: Alarm) -> None:
        """Keep the lane stopped, over restarts too, until the alarm is cleared."""
        value = json.dumps(alarm._asdict())
        await self._call(self._send("SET", self._keys_of(partition).alarm, value))

    async def clear_alarm(self, partition: int) -> bool:
        """Let the lane run again; False where there was no alarm."""
        return bool(await self._call(self._send("DEL", self._keys_of(partition).alarm)))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _keys_of(self, partition: int) -> Keys:
        keys = self._keys.get(partition)
        if keys is None:
            keys = self._keys[partition] = keys_of(partition)
        return keys

    async def _script(self, script: Script, keys: Sequence[str], *args: Any) -> Any:
        run = ("EVALSHA", script.sha, len(keys), *keys, *args)
        async with self._faults():
            try:
                return await self._send(*run)
            except NoScriptError:
                # a server that restarted, failed over or was flushed; nothing ran
                await self._send("SCRIPT LOAD", script.text)
                return await self._send(*run)

    async def _call(self, command: Awaitable[Any]) -> Any:
        async with self._faults():
            return await command

    @asynccontextmanager
    async def _faults(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError as error:
            raise Retryable(f"redis did not answer in {self._timeout_s} s") from error
        except (RedisError, OSError) as error:
            raise fault_of(error) from error


def fault_of(error: Exception) -> Retryable | Corrupt:
    """Which kind of fault an error of the client library is."""
    message = f"redis: {type(error).__name__}: {error}"
    if isinstance(error, (*_PASSING, OSError)):
        return Retryable(message)
    if isinstance(error, ResponseError) and str(error).startswith(_PASSING_WORDS):
        return Retryable(message)
    return Corrupt(message)


def _held_at(hold: bytes) -> str:
    try:
        return str(ormsgpack.unpackb(hold)[0])
    except (ormsgpack.MsgpackDecodeError, TypeError, IndexError) as error:
        raise Corrupt("a hold is not of the agreed form") from error


def _refusal(reply: list[Any]) -> Gap | Already | Missing | Rules:
    match reply:
        case [b"ALREADY", int(mark)]:
            return Already(mark)
        case [b"GAP", int(mark)]:
            return Gap(mark)
        case [b"RULES", int(version)]:
            return Rules(version)
        case [b"MISSING"]:
            return Missing()
        case _:
            raise Corrupt("the gate's reply is none of the agreed")
