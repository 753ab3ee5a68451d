"""What is sent and answered over HTTP, as models: those of requests are strict to the letter, those of answers are documentation."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from onhand.agents.gateway.fields import Channel, Id, Quantity, QuantityOrZero, SkuId, StrictModel, Text, WarehouseId
from onhand.schemas.fields import MAX_LINES

DEFAULT_TTL_S = 600

TtlS = Annotated[int, Field(ge=1, le=86_400)]
"""Seconds until a reservation expires."""


class Line(StrictModel):
    """One line of an order."""

    sku_id: SkuId
    warehouse_id: WarehouseId
    quantity: Quantity


Lines = Annotated[list[Line], Field(min_length=1, max_length=MAX_LINES)]


class ReserveOrder(StrictModel):
    """Lines with options. `reservation_id` makes the call repeatable: the same id again is the same reservation."""

    lines: Lines
    ttl_s: TtlS | None = None
    channel: Channel | None = None
    order_id: Text | None = None
    reservation_id: Id | None = None


def _form(body: Any) -> str:
    return "lines-alone" if isinstance(body, list) else "with-options"


ReserveBody = Annotated[
    Annotated[Lines, Tag("lines-alone")] | Annotated[ReserveOrder, Tag("with-options")], Discriminator(_form)
]
"""All lines are reserved or none."""


class OfReservation(StrictModel):
    """Which reservation."""

    reservation_id: Id


class ExtendBody(OfReservation):
    """Which reservation, and how long it lives from now on."""

    ttl_s: TtlS


class ReorderBody(StrictModel):
    """Stock is low at or below `reorder_point` (0: never); then `reorder_quantity` is ordered, and what was refused lately."""

    reorder_point: QuantityOrZero
    reorder_quantity: QuantityOrZero


class Reserved(BaseModel):
    """A reservation that was made. It expires at `expires_at` (RFC 3339, UTC) unless it is committed, released or extended."""

    reservation_id: str
    status: Literal["active", "committed", "released"]
    ttl_s: int
    expires_at: str | None = None
    lines: list[Line]


class Status(BaseModel):
    """How a reservation stands."""

    reservation_id: str
    status: Literal["active", "committed", "released"]
    expires_at: str | None = None


class Reorder(BaseModel):
    """When stock counts as low."""

    sku_id: str
    warehouse_id: int
    reorder_point: int
    reorder_quantity: int


class ShortLine(BaseModel):
    """A line that there is not enough of."""

    sku_id: str
    warehouse_id: int
    requested: int
    available_qty: int


class ProblemBody(BaseModel):
    """RFC 9457. `type` is `urn:onhand:problem:` and an outcome, or a word of the gateway's own."""

    type: str
    title: str
    status: int
    detail: str
    outcome: str | None = None
    reservation_id: str | None = None
    lines: list[ShortLine] | None = None
    decision: dict[str, Any] | None = None
