"""Decisions: the gate's answers, as they stand in `inventory.decisions`."""

from typing import Any

from onhand.schemas.words import Word


class Decision(Word, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One decision. The numbers are those of the position afterwards, in units; times are of the partition's clock."""

    seq: int
    type: str | None = None
    id: str | None = None
    reservation_id: str | None = None
    transfer_id: str | None = None
    outcome: str
    message: str | None = None
    reason: str | None = None
    sku_id: str | None = None
    warehouse_id: int | None = None
    quantity: int | None = None
    available_qty: int | None = None
    reserved_qty: int | None = None
    total_qty: int | None = None
    version: int | None = None
    line: int | None = None
    expires_at_ms: int | None = None
    channel: str | None = None
    order_id: str | None = None
    reference_id: str | None = None
    reorder_point: int | None = None
    reorder_quantity: int | None = None
    short: list[dict[str, Any]] | None = None
    replayed: bool = False
    index: int | None = None
    of: int | None = None
    complete: bool
    source_offset: int
    decided_at_ms: int

    @property
    def position(self) -> str | None:
        """``SKU:warehouse``; None where the decision has none."""
        return None if self.sku_id is None else f"{self.sku_id}:{self.warehouse_id}"
