"""Wishes: what a verb was given, judged by the words of `onhand.schemas` before anything is sent."""

import json
from typing import Any

import typer

_NAMES = {
    "sku_id": "SKU", "warehouse_id": "WAREHOUSE", "quantity": "QUANTITY", "delta": "DELTA", "counted_qty": "COUNTED",
    "to_warehouse_id": "TO", "transfer_id": "TRANSFER", "reservation_id": "RESERVATION", "id": "--id",
    "reference_id": "--reference", "actor": "--actor", "reason": "--reason", "channel": "--channel", "lines": "--line",
    "order_id": "--order", "ttl_ms": "--ttl", "expected_at_ms": "--expected",
}  # fmt: skip
"""How a field of a command is called on the command line."""


def command(type: str, **fields: Any) -> dict[str, Any]:
    """A command with an id, well-formed in every field; `typer.BadParameter` names the argument that is not."""
    from onhand.schemas.codec import Malformed
    from onhand.schemas.ids import new_id
    from onhand.schemas.requests import decode_request

    given = {name: value for name, value in fields.items() if value is not None}
    wish = {"type": type, "id": new_id()} | given
    try:
        decode_request(json.dumps(wish).encode())
    except Malformed as error:
        raise _wrong(error.message) from None
    return wish


def _wrong(message: str) -> typer.BadParameter:
    """An error of the form ``field: reason``; of a line ``lines.0.quantity: reason``."""
    field, _, reason = message.partition(": ")
    name = field.partition(".")[0]
    return typer.BadParameter(reason or message, param_hint=repr(_NAMES.get(name, name)))
