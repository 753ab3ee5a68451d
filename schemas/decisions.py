"""Decisions: the gate's answers, as they stand in `inventory.decisions`."""

from typing import Any

import msgspec


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One decision. Fields that do not apply are absent (None here); the numbers are those of the position afterwards.

    Quantities are units, times epoch milliseconds of the partition's clock. A msgspec struct and not a model of pydantic:
    one is written and read for every command, and what is read is only checked.
    """

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

    @staticmethod
    def from_json(value: bytes) -> "Decision":
        """The decision in a record's value; a ValueError where it is none. Fields of later versions are ignored."""
        try:
            return _decode(value)
        except RecursionError as error:
            raise ValueError("nested too deeply for a decision") from error

    def to_json(self) -> bytes:
        """The record value."""
        return _encode(self)


_decode = msgspec.json.Decoder(Decision).decode
_encode = msgspec.json.Encoder().encode
