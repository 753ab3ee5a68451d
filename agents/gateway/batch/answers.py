"""The answers to lines: a line of JSON each, without its break."""

from typing import Any

import msgspec

from onhand.agents.gateway.batch.wishes import Wish
from onhand.schemas.decisions import Decision

_encode = msgspec.json.Encoder().encode


class Told(msgspec.Struct, omit_defaults=True, gc=False):
    """How a line was decided: what its complete decision says. `locked`: of transfers and counts, whether they were done under locks."""

    line: int
    id: str
    outcome: str
    type: str | None = None
    sku_id: str | None = None
    warehouse_id: int | None = None
    quantity: int | None = None
    available_qty: int | None = None
    reserved_qty: int | None = None
    total_qty: int | None = None
    version: int | None = None
    transfer_id: str | None = None
    message: str | None = None
    replayed: bool = False
    locked: bool | None = None


def decided(wish: Wish, said: Decision, locked: bool | None) -> bytes:
    """A line that has its decision."""
    told = Told(
        wish.line, wish.id, said.outcome, said.type, said.sku_id, said.warehouse_id, said.quantity, said.available_qty,
        said.reserved_qty, said.total_qty, said.version, said.transfer_id, said.message, said.replayed, locked,
    )  # fmt: skip
    return _encode(told)


def again(answer: bytes) -> bytes:
    """A line that was decided by an earlier run."""
    told: dict[str, Any] = msgspec.json.decode(answer)
    return _encode(told | {"replayed": True})


def unknown(wish: Wish) -> bytes:
    """A line that was sent by an earlier run, so long ago that sending it again might do it twice."""
    message = "was sent before, and whether it was done is not known; it is not sent again"
    return _encode(Told(wish.line, wish.id, "unknown", message=message))


def error(line: int, why: str, id: str | None = None) -> bytes:
    """A line that was not decided."""
    return _encode({"line": line, "error": why} if id is None else {"line": line, "id": id, "error": why})
