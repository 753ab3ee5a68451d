"""How far the ledger is, and whether what it holds was announced."""

from collections.abc import Sequence

import psycopg
from confluent_kafka import Message
from pydantic_core import from_json

from onhand.deploy.bench.ground import Ground
from onhand.deploy.bench.verify import records
from onhand.schemas.faults import Corrupt, Retryable
from onhand.schemas.topics import LEDGER, STOCK


class Durable:
    """Looks into PostgreSQL beside the ledger worker."""

    def __init__(self, ground: Ground) -> None:
        try:
            self._connection = psycopg.connect(ground.settings.postgres.get_secret_value(), autocommit=True)
        except psycopg.OperationalError as fault:
            raise Retryable("PostgreSQL is away") from fault

    def decisions(self) -> int:
        """Decisions that are in, over all partitions."""
        row = self._connection.execute("SELECT coalesce(sum(seq), 0)::bigint FROM ledger_partitions").fetchone()
        return int(row[0]) if row else 0

    def next_offsets(self) -> list[int]:
        """The next offset of `inventory.decisions` to be read, by partition."""
        rows = self._connection.execute("SELECT decisions_offset FROM ledger_partitions ORDER BY partition")
        return [int(offset) for (offset,) in rows.fetchall()]

    def versions(self, prefix: str) -> dict[str, int]:
        """Version by position, of the SKUs that begin with `prefix-`."""
        rows = self._connection.execute(
            "SELECT sku_id || ':' || warehouse_id, version FROM inventory WHERE starts_with(sku_id, %s)",
            (f"{prefix}-",),
        )
        return {str(position): int(version) for position, version in rows.fetchall()}

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def announced(
    ground: Ground, durable: Durable, prefix: str, stock_from: Sequence[int], ledger_from: Sequence[int]
) -> tuple[dict[str, int], float]:
    """Events by type since those offsets, and when the last was sent (epoch seconds).

    `Corrupt` if for any position the newest `stock.changed` is not what the ledger holds.
    """
    newest: dict[str, int] = {}
    counts, last_ms = {"stock.changed": 0}, 0
    for message in records(ground, STOCK, stock_from):
        key = (message.key() or b"").decode()
        newest[key] = max(newest.get(key, 0), from_json(message.value() or b"")["version"])
        counts["stock.changed"] += 1
        last_ms = max(last_ms, message.timestamp()[1])
    for message in records(ground, LEDGER, ledger_from):
        kind = _type(message)
        counts[kind] = counts.get(kind, 0) + 1
        last_ms = max(last_ms, message.timestamp()[1])
    held = durable.versions(prefix)
    if stale := [position for position in held if newest.get(position) != held[position]]:
        raise Corrupt(f"{len(stale)} positions are not announced as they are: {stale[0]}, {newest.get(stale[0])}")
    return counts, last_ms / 1_000


def _type(event: Message) -> str:
    """CloudEvents' type, which is in a header."""
    value = dict(event.headers() or []).get("ce_type")
    return value.decode() if isinstance(value, bytes) else str(value)
