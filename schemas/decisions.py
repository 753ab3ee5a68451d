"""Decisions: the gate's answers, as they stand in `inventory.decisions`."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Decision(BaseModel):
    """One decision. Fields that do not apply are absent (None here); the numbers are those of the position afterwards.

    Quantities are units, times epoch milliseconds of the partition's clock.
    """

    model_config = ConfigDict(frozen=True)

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
    expires_at_ms: int | None = None
    channel: str | None = None
    order_id: str | None = None
    reference_id: str | None = None
    reorder_point: int | None = None
    reorder_quantity: int | None = None
    line: int | None = None
    short: list[dict[str, Any]] | None = None
    complete: bool
    replayed: bool = False
    index: int = 0
    of: int = 1
    source_offset: int
    decided_at_ms: int

    @staticmethod
    def from_json(value: bytes) -> "Decision":
        """The decision in a record's value."""
        return Decision.model_validate_json(value)


_dumps = json.JSONEncoder(ensure_ascii=False).encode


def decision_json(
    seq: int,
    offset: int,
    clock_ms: int,
    outcome: str,
    *,
    type: str | None = None,
    id: str | None = None,
    reservation_id: str | None = None,
    sku_id: str | None = None,
    warehouse_id: int | None = None,
    numbers: tuple[int, int, int] | None = None,
    quantity: int | None = None,
    expires_at_ms: int | None = None,
    channel: str | None = None,
    order_id: str | None = None,
    reference_id: str | None = None,
    reorder: tuple[int, int] | None = None,
    reason: str | None = None,
    message: str | None = None,
    replayed: bool = False,
    index: int = 0,
    of: int = 1,
) -> bytes:
    """The record value of a decision; `numbers` are available, reserved and version of the position, `reorder` point and quantity.

    Written by hand because it is done for every command: ids, SKUs and channels hold nothing that JSON must escape
    (they are what `commands` admits), free text goes through the encoder.
    """
    text = f'{{"seq":{seq}'
    if type is not None:
        text += f',"type":"{type}"'
    if id is not None:
        text += f',"id":"{id}"'
    if reservation_id is not None:
        text += f',"reservation_id":"{reservation_id}"'
    text += f',"outcome":"{outcome}"'
    if message is not None:
        text += f',"message":{_dumps(message)}'
    if sku_id is not None:
        text += f',"sku_id":"{sku_id}","warehouse_id":{warehouse_id}'
    if quantity is not None:
        text += f',"quantity":{quantity}'
    if numbers is not None:
        available, reserved, version = numbers
        text += (
            f',"available_qty":{available},"reserved_qty":{reserved},"total_qty":{available + reserved},'
            f'"version":{version},"line":0'
        )
    if expires_at_ms is not None:
        text += f',"expires_at_ms":{expires_at_ms}'
    if channel is not None:
        text += f',"channel":"{channel}"'
    if order_id is not None:
        text += f',"order_id":{_dumps(order_id)}'
    if reference_id is not None:
        text += f',"reference_id":{_dumps(reference_id)}'
    if reorder is not None:
        text += f',"reorder_point":{reorder[0]},"reorder_quantity":{reorder[1]}'
    if reason is not None:
        text += f',"reason":"{reason}"'
    if replayed:
        text += ',"replayed":true'
    if of > 1:
        text += f',"index":{index},"of":{of}'
    return f'{text},"complete":true,"source_offset":{offset},"decided_at_ms":{clock_ms}}}'.encode()
