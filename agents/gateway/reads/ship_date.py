"""When an order that is placed now goes out: a calculation with a warehouse's working days, and nothing else."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from onhand.sql.warehouses import Warehouse

_DAY = timedelta(days=1)


def ship_date(warehouse: Warehouse, now: datetime, arrives: datetime | None = None) -> date:
    """The date, in the warehouse's time zone, on which it hands over goods that are ordered at `now`.

    It begins on the day of the order, or on its next working day where that day is none or its cut-off is over (an order at
    the minute of the cut-off is in time), and takes `handling_days` more working days. Of goods that are on their way it
    begins when they arrive; those that are late are taken as arriving now. The times have a time zone, any.
    """
    begin = now if arrives is None else max(now, arrives)
    local = begin.astimezone(ZoneInfo(warehouse.time_zone))
    in_time = local.time().replace(second=0, microsecond=0) <= warehouse.cutoff
    day = _working_day(warehouse, local.date() if in_time else local.date() + _DAY)
    for _ in range(warehouse.handling_days):
        day = _working_day(warehouse, day + _DAY)
    return day


def at_ms(time_ms: int) -> datetime:
    """Epoch milliseconds as a time."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def _working_day(warehouse: Warehouse, day: date) -> date:
    """That day, or the first one after it on which the warehouse works. There is one: it works some day of each week, and its
    holidays are a list that ends."""
    while day.isoweekday() not in warehouse.working_days or day in warehouse.holidays:
        day += _DAY
    return day
