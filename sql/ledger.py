"""The ledger in PostgreSQL: where a partition stands, writing its next window, its alarms."""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, LiteralString

from psycopg.rows import TupleRow

from onhand.schemas.faults import Corrupt
from onhand.sql import packing, remembered
from onhand.sql.parameters import WRITE, parameters, places
from onhand.sql.pool import Connection, Pool
from onhand.sql.rows import Crossing, Findings, LedgerAlarm, Level, Mark, PartitionRow, Reuse, Settings, VersionMissed
from onhand.sql.window import Window

_SESSION = (
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
    " -c enable_bitmapscan=off -c jit=off -c synchronous_commit=on -c timezone=UTC"
)
"""A plan chosen while a table was empty must not stay: only nested loops over the keys are left to choose."""
_RETRIES = 3


_ROW: LiteralString = """
SELECT partition, topic_id, seq, source_offset, decisions_offset, clock_ms, window_ms, sweep_limit, rules, events,
       crossings, reuses
FROM ledger_partitions
"""
_LEVELS: LiteralString = """
SELECT i.sku_id, i.warehouse_id, i.available_qty, i.reserved_qty, i.version,
       (extract(epoch FROM i.updated_at) * 1000)::bigint
FROM unnest(%s, %s) u (sku, warehouse) JOIN inventory i ON i.sku_id = ANY (ARRAY[u.sku]) AND i.warehouse_id = u.warehouse
"""
_ALARM: LiteralString = """
SELECT code, message, record_offset, stops FROM ledger_alarms WHERE partition = %s
ORDER BY stops DESC, raised_at DESC, code LIMIT 1
"""


class Ledger:
    """The typed client. Every method raises `Retryable` where the server is away or busy and `Corrupt` where it refuses.

    One call of `write` is one transaction; two connections are enough for any number of partitions.
    """

    def __init__(
        self,
        dsn: str,
        connections: int = 2,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wait_s: float = 10.0,
    ) -> None:
        self._sleep = sleep
        self._pool = Pool(dsn, connections, wait_s, "onhand-ledger", _SESSION, _configure)

    async def open(self) -> None:
        """Connect; `Retryable` where nothing answers within `wait_s` seconds."""
        await self._pool.open()

    async def close(self) -> None:
        """Give the connections back."""
        await self._pool.close()

    async def birth(self, partition: int, topic_id: str, settings: Settings) -> bool:
        """Make the partition's row, before its first command; False (and nothing done) where there is one."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "INSERT INTO ledger_partitions (partition, topic_id, seq, source_offset, decisions_offset, clock_ms,"
                " window_ms, sweep_limit, rules) VALUES (%s, %s, 0, -1, 0, 0, %s, %s, %s) ON CONFLICT DO NOTHING",
                (partition, topic_id, *settings),
            )
            return cursor.rowcount == 1

    async def partition(self, partition: int) -> PartitionRow | None:
        """Where a partition stands; None where it was not born."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_ROW + "WHERE partition = %s", (partition,))
            row = await cursor.fetchone()
            return _partition_row(row) if row else None

    async def partitions(self) -> list[PartitionRow]:
        """Every partition that was born, by number."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_ROW + "ORDER BY partition")
            return [_partition_row(row) for row in await cursor.fetchall()]

    async def mark(self, partition: int) -> Mark | None:
        """Where a partition stands, in short; None where it was not born."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT seq, decisions_offset FROM ledger_partitions WHERE partition = %s", (partition,)
            )
            row = await cursor.fetchone()
            return Mark(*row) if row else None

    async def skip(self, partition: int, seq: int, decisions_offset: int) -> None:
        """Behind the decision with that seq nothing but repeats stands before `decisions_offset`; nothing where it is not so."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "UPDATE ledger_partitions SET decisions_offset = %s WHERE partition = %s AND seq = %s"
                " AND decisions_offset < %s",
                (decisions_offset, partition, seq, decisions_offset),
            )

    async def write(self, window: Window) -> Findings:
        """Apply a window as a whole, durably. `Fenced` where the watermark is not at its `expected_seq`.

        Rows that an outsider changed are tried three times more and then put right, with an alarm. After `Retryable`
        the window may be in: look at `partition` before going on.
        """
        for attempt in range(_RETRIES + 1):
            try:
                return await self._write(window, forced=False)
            except VersionMissed:
                await self._sleep(0.02 * 2**attempt)
        try:
            return await self._write(window, forced=True)
        except VersionMissed as error:
            raise Corrupt(f"{error}, even under lock") from error

    async def touched_since(self, partition: int, since_ms: int) -> list[Level]:
        """The newest numbers of the positions that windows at or after that clock touched."""
        async with self._pool.connection() as connection:
            windows = connection.cursor().stream(
                "SELECT ids FROM remembered_ids WHERE partition = %s AND clock_ms >= %s", (partition, since_ms)
            )
            positions = {position async for (blob,) in windows for position in remembered.touched(blob)}
            return await _levels(connection, sorted(positions))

    async def alarm(self, partition: int) -> LedgerAlarm | None:
        """The alarm to be shown: one that stops before others, the newest first."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_ALARM, (partition,))).fetchone()
            return LedgerAlarm(*row) if row else None

    async def alarmed(self, partition: int) -> bool:
        """Whether an alarm stops the partition."""
        alarm = await self.alarm(partition)
        return alarm is not None and alarm.stops

    async def raise_alarm(self, partition: int, code: str, message: str, offset: int) -> None:
        """Stop the partition until `clear_alarms`."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "SELECT ledger_raise_alarm(%s, %s, %s, %s, true)", (partition, code, message, offset)
            )

    async def clear_alarms(self, partition: int) -> int:
        """Delete the partition's alarms; how many there were."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute("DELETE FROM ledger_alarms WHERE partition = %s", (partition,))
            return cursor.rowcount

    async def _write(self, window: Window, forced: bool) -> Findings:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(WRITE, _parameters(window, forced), prepare=True)
            row = await cursor.fetchone()
            if row is None:
                raise Corrupt("ledger_write returned nothing")
            return _findings(*row)


def _parameters(window: Window, forced: bool) -> Any:
    try:
        return parameters(window, forced)
    except (ValueError, TypeError, OverflowError, struct.error) as error:
        raise Corrupt(f"a window of partition {window.partition} does not fit the tables: {error}") from error


async def _configure(connection: Connection) -> None:
    packing.register(connection)


async def _levels(connection: Connection, positions: Sequence[str]) -> list[Level]:
    if not positions:
        return []
    cursor = await connection.execute(_LEVELS, places(positions))
    return [Level(f"{sku}:{warehouse}", *numbers) for sku, warehouse, *numbers in await cursor.fetchall()]


def _partition_row(row: TupleRow) -> PartitionRow:
    marks, settings, (events, crossings, reuses) = row[:6], row[6:9], row[9:]
    return PartitionRow(*marks, Settings(*settings), events, _findings(crossings, reuses))  # type: ignore[call-arg]


def _findings(crossings: list[dict[str, Any]], reuses: list[dict[str, Any]]) -> Findings:
    return Findings(
        [
            Crossing(
                row["low"],
                f"{row['sku_id']}:{row['warehouse_id']}",
                row["available_qty"],
                row["version"],
                row["reorder_point"],
                row["suggested_quantity"],
                row.get("reorder_id"),
            )
            for row in crossings
        ],
        [Reuse(row["reservation_id"], f"{row['sku_id']}:{row['warehouse_id']}") for row in reuses],
    )
