"""What is asked and answered by reads, as models: those of requests are strict, those of answers are documentation."""

import re
from datetime import date, time
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, field_validator

from onhand.agents.gateway.fields import SkuId, StrictModel, Text

MOST_SKUS = 100

ShipDate = Annotated[date | None, Field(description="In the warehouse's time zone; null where nothing is promised.")]


class Availability(BaseModel):
    """What is available at a warehouse. `source`: the gate, which decides, or the ledger while the gate cannot tell."""

    warehouse_id: int
    available_qty: int
    estimated_ship_date: ShipDate
    version: int
    source: Literal["gate", "ledger"]


class AvailabilityBody(StrictModel):
    """Which SKUs."""

    sku_ids: Annotated[list[SkuId], Field(min_length=1, max_length=MOST_SKUS, examples=[["RETRO-CLOCK", "TEAPOT"]])]


class Movement(BaseModel):
    """A row of `stock_movements`; the quantity of an adjust is signed."""

    movement_id: str
    sku_id: str
    source_warehouse: int | None
    dest_warehouse: int | None
    quantity: int
    movement_type: Literal["receive", "ship", "transfer", "adjust", "return"]
    reference_id: str | None
    created_at: str


class MovementPage(BaseModel):
    """Newest first; `next_cursor` asks for what is older, null where there is no more."""

    items: list[Movement]
    next_cursor: str | None


class InTransit(BaseModel):
    """Units of a transfer that are on their way."""

    transfer_id: str
    source_warehouse: int
    dest_warehouse: int
    quantity: int
    expected_at: str | None
    opened_at: str


class InTransitPage(BaseModel):
    """By the transfers' ids; `next_cursor` asks for those behind, null where there are no more."""

    items: list[InTransit]
    next_cursor: str | None


class LowStock(BaseModel):
    """A position at or below its reorder point, and how much to order."""

    sku_id: str
    warehouse_id: int
    available_qty: int
    reorder_point: int
    suggested_quantity: int


class LowStockPage(BaseModel):
    """By SKU and warehouse; `next_cursor` asks for those behind, null where there are no more."""

    items: list[LowStock]
    next_cursor: str | None


class ReservationLine(BaseModel):
    """A line of a reservation."""

    sku_id: str
    warehouse_id: int
    quantity: int
    status: Literal["active", "committed", "released"]


class Reservation(BaseModel):
    """A reservation, as the ledger has it. `ended_as` is absent while it is active."""

    reservation_id: str
    status: Literal["active", "committed", "released"]
    ended_as: Literal["committed", "released", "expired"] | None = None
    expires_at: str
    order_id: str | None = None
    channel: str | None = None
    lines: list[ReservationLine]


def _a_date(value: Any) -> date:
    try:
        if not _DATE.fullmatch(value):
            raise ValueError("another form of ISO 8601")
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"holidays: {str(value)[:40]!r} is not a date like 2026-12-25") from None


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ZONES = available_timezones()
Zone = Annotated[str, WithJsonSchema({"type": "string", "enum": sorted(_ZONES)})]
Day = Annotated[date, BeforeValidator(_a_date), WithJsonSchema({"type": "string", "format": "date"})]
Cutoff = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Weekday = Annotated[int, Field(ge=1, le=7)]


class WarehouseBody(StrictModel):
    """When a warehouse works. An order that comes until `cutoff`, local time, of a working day (1 Monday .. 7 Sunday, no
    holiday) is begun that day, and goes out `handling_days` working days later."""

    name: Text
    time_zone: Zone
    working_days: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    holidays: list[Day] = Field(default_factory=list, max_length=1_000)
    cutoff: Cutoff
    handling_days: Annotated[int, Field(ge=0, le=365)]

    @field_validator("time_zone")
    @classmethod
    def _a_zone(cls, value: str) -> str:
        if value not in _ZONES:
            raise ValueError(f"time_zone: {value[:40]!r} is not a time zone like Europe/Berlin")
        return value

    @property
    def cutoff_time(self) -> time:
        """The cut-off as a time of day."""
        return time.fromisoformat(self.cutoff)


class Warehouse(WarehouseBody):
    """A warehouse as it is kept: days in order, each once."""

    warehouse_id: int
