"""Decisions: the gate's answers, as they stand in `inventory.decisions`."""

from typing import Any

from onhand.schemas.words import TimeMs, Whole, Word


class Use(Word, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Which use of an id an order or a transfer is, for the ledger: onhand's own bookkeeping.

    `hash` is that of the command's body, `opened_at_ms` the clock of the first leg when it was decided there. Of an order that is
    held, `home` is the partition that decides its end and `legs` are all of its partitions; `at` is the position that the ending
    command named, `units` what a dispatch awaits at its destination. `refused` and `short` tell, where a later leg refused it, what
    is remembered of that.
    """

    hash: Whole
    opened_at_ms: TimeMs
    home: Whole | None = None
    legs: list[Whole] | None = None
    at: str | None = None
    units: Whole | None = None
    refused: str | None = None
    short: list[dict[str, Any]] | None = None


class Decision(Word, frozen=True, omit_defaults=True, gc=False):
    """One decision. The numbers are those of the position afterwards, in units; times are of the partition's clock.

    The gate makes one for every command, by the order of the fields up to `reference_id`: by their names it costs five times as much.
    """

    seq: Whole
    outcome: str
    complete: bool
    source_offset: Whole
    decided_at_ms: TimeMs
    type: str | None = None
    id: str | None = None
    reservation_id: str | None = None
    sku_id: str | None = None
    warehouse_id: Whole | None = None
    quantity: Whole | None = None
    available_qty: Whole | None = None
    reserved_qty: Whole | None = None
    total_qty: Whole | None = None
    version: Whole | None = None
    line: Whole | None = None
    expires_at_ms: TimeMs | None = None
    channel: str | None = None
    order_id: str | None = None
    reference_id: str | None = None
    message: str | None = None
    reason: str | None = None
    transfer_id: str | None = None
    source_warehouse: Whole | None = None
    dest_warehouse: Whole | None = None
    mode: str | None = None
    expected_at_ms: TimeMs | None = None
    final: bool | None = None
    discrepancy: Whole | None = None
    """Units that an arrival found missing (negative) or too many."""
    reorder_point: Whole | None = None
    reorder_quantity: Whole | None = None
    short: list[dict[str, Any]] | None = None
    replayed: bool = False
    index: Whole | None = None
    of: Whole | None = None
    use: Use | None = None
    seen: list[tuple[Whole, Whole, Whole]] | None = None
    """Stamps of slips that were seen since the decision before: onhand's own bookkeeping."""

    @property
    def position(self) -> str | None:
        """``SKU:warehouse``; None where the decision has none."""
        return None if self.sku_id is None or self.warehouse_id is None else f"{self.sku_id}:{self.warehouse_id}"
