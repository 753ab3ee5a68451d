"""Ship dates: scenarios of orders at a warehouse with working days, holidays, a cut-off and handling days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from onhand.agents.gateway.reads.ship_date import at_ms, ship_date
from onhand.sql.warehouses import Warehouse

BERLIN = "Europe/Berlin"
MON_TO_FRI = (1, 2, 3, 4, 5)


def warehouse(
    handling: int = 0, zone: str = BERLIN, days: tuple[int, ...] = MON_TO_FRI, holidays: tuple[str, ...] = ()
) -> Warehouse:
    off = frozenset(date.fromisoformat(day) for day in holidays)
    return Warehouse(1, "here", zone, frozenset(days), off, time(14), handling)


def local(text: str, zone: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


# 2026-11-23 is a Monday
@pytest.mark.parametrize(
    ("why", "place", "now", "goes_out"),
    [
        ("in time", warehouse(), "2026-11-23T09:00", "2026-11-23"),
        ("at the minute of the cut-off", warehouse(), "2026-11-23T14:00:59", "2026-11-23"),
        ("after it", warehouse(), "2026-11-23T14:01", "2026-11-24"),
        ("after it on a Friday", warehouse(), "2026-11-27T18:00", "2026-11-30"),
        ("on a Saturday morning", warehouse(), "2026-11-28T09:00", "2026-11-30"),
        ("on a Sunday night", warehouse(), "2026-11-29T23:59", "2026-11-30"),
        ("a day of handling", warehouse(1), "2026-11-23T09:00", "2026-11-24"),
        ("a day of handling after the cut-off", warehouse(1), "2026-11-23T15:00", "2026-11-25"),
        ("handling over a weekend", warehouse(2), "2026-11-26T09:00", "2026-11-30"),
        ("handling begun on a Saturday", warehouse(1), "2026-11-28T09:00", "2026-12-01"),
        ("on a holiday", warehouse(holidays=("2026-11-23",)), "2026-11-23T09:00", "2026-11-24"),
        ("before a holiday", warehouse(1, holidays=("2026-11-24",)), "2026-11-23T09:00", "2026-11-25"),
        ("a holiday and a weekend", warehouse(holidays=("2026-11-27",)), "2026-11-26T15:00", "2026-11-30"),
        ("Christmas", warehouse(2, holidays=("2026-12-25", "2026-12-26")), "2026-12-23T15:00", "2026-12-29"),
        ("a holiday on a day off", warehouse(holidays=("2026-11-28",)), "2026-11-28T09:00", "2026-11-30"),
        ("every day", warehouse(1, days=(1, 2, 3, 4, 5, 6, 7)), "2026-11-28T09:00", "2026-11-29"),
        ("Sundays alone", warehouse(1, days=(7,)), "2026-11-23T09:00", "2026-12-06"),
        ("over the new year", warehouse(1), "2026-12-31T15:00", "2027-01-04"),
        ("the day the clocks go back", warehouse(days=(7,)), "2026-10-25T13:30", "2026-10-25"),
        ("a leap day", warehouse(), "2028-02-29T10:00", "2028-02-29"),
    ],
)
def test_an_order_of_what_is_on_hand(why: str, place: Warehouse, now: str, goes_out: str) -> None:
    assert ship_date(place, local(now)).isoformat() == goes_out, why


@pytest.mark.parametrize(
    ("zone", "goes_out"),
    [("Pacific/Kiritimati", "2026-11-24"), ("UTC", "2026-11-23"), ("Pacific/Pago_Pago", "2026-11-23")],
)
def test_today_is_the_warehouses(zone: str, goes_out: str) -> None:
    now = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)  # 00:30 of the 24th, 10:30, and 23:30 of the Sunday before
    assert ship_date(warehouse(zone=zone), now).isoformat() == goes_out


@pytest.mark.parametrize(
    ("why", "arrives", "goes_out"),
    [
        ("tomorrow morning", "2026-11-24T08:00", "2026-11-25"),
        ("tomorrow after the cut-off", "2026-11-24T17:00", "2026-11-26"),
        ("on a Saturday", "2026-11-28T08:00", "2026-12-01"),
        ("it should have come last week", "2026-11-17T08:00", "2026-11-24"),
        ("in the year after", "2027-11-24T08:00", "2027-11-25"),
    ],
)
def test_an_order_of_what_is_on_the_way(why: str, arrives: str, goes_out: str) -> None:
    assert ship_date(warehouse(1), local("2026-11-23T09:00"), local(arrives)).isoformat() == goes_out, why


def test_a_long_list_of_holidays_ends() -> None:
    year = [date.fromordinal(date(2027, 1, 1).toordinal() + day).isoformat() for day in range(365)]
    begins = date(2028, 1, 3)  # the first Monday
    goes_out = ship_date(warehouse(365, holidays=tuple(year)), local("2026-12-31T15:00"))
    assert goes_out == begins + timedelta(weeks=73)


def test_milliseconds_are_times_in_utc() -> None:
    assert at_ms(1_795_348_112_498) == datetime(2026, 11, 22, 11, 48, 32, 498_000, tzinfo=UTC)
