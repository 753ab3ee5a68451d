"""Warehouses, and the ship dates that follow from them. It is Sunday, 2026-11-22, 12:48 in Berlin."""

from typing import Any

import pytest

from onhand.sql.transfers import next_arrivals
from tests.gateway_reads.conftest import NOW_MS, House

BERLIN: dict[str, Any] = {
    "name": "Hamburg 2", "time_zone": "Europe/Berlin", "working_days": [5, 1, 2, 3, 4, 4], "cutoff": "14:00",
    "holidays": ["2026-12-25", "2026-11-24", "2026-11-24"], "handling_days": 1,
}  # fmt: skip


async def put(house: House, warehouse_id: int = 1, **other: Any) -> Any:
    answer = await house.call("PUT", f"/warehouses/{warehouse_id}", "admin", json=BERLIN | other)
    assert answer.status == 200, answer.body
    return answer.body


def on_the_way(
    house: House, sku_id: str, dest: int, in_days: float | None, status: str = "open", arrived: int = 0
) -> None:
    """A transfer of 5 units."""
    at_s = None if in_days is None else NOW_MS / 1_000 + in_days * 86_400
    house.rows(
        "INSERT INTO transfers (transfer_id, opened_at, sku_id, source_warehouse, dest_warehouse, mode, shipped, arrived,"
        " adjusted, expected_at, status, use)"
        " VALUES (gen_random_uuid(), now(), %s, 9, %s, 'dispatch', 5, %s, 0, to_timestamp(%s), %s, 1)",
        sku_id, dest, arrived, at_s, status,
    )  # fmt: skip


async def dates(house: House, sku_id: str = "CLOCK") -> list[str | None]:
    return [shelf["estimated_ship_date"] for shelf in await house.get(f"/inventory/{sku_id}/availability")]


async def test_it_is_kept_and_replaced(house: House) -> None:
    kept = {"working_days": [1, 2, 3, 4, 5], "holidays": ["2026-11-24", "2026-12-25"]}
    assert await put(house) == {"warehouse_id": 1} | BERLIN | kept
    assert (await put(house, name="Hamburg 3", holidays=[]))["holidays"] == []
    assert house.rows("SELECT warehouse_id, name, cutoff::text, handling_days FROM warehouses") == [
        (1, "Hamburg 3", "14:00:00", 1)
    ]


async def test_a_ship_date_needs_a_warehouse_that_was_put(house: House, raw: Any) -> None:
    for warehouse_id in (1, 2):
        house.stock("CLOCK", warehouse_id, 5)
        house.at_gate(raw, "CLOCK", warehouse_id, 5)
    assert await dates(house) == [None, None]
    await put(house)  # seen at once by the gateway that was told
    assert await dates(house) == ["2026-11-25", None]  # Monday begins, Tuesday is a holiday
    await put(house, time_zone="Pacific/Kiritimati", handling_days=0)  # there it is Monday, 01:48
    assert await dates(house) == ["2026-11-23", None]


async def test_another_gateways_change_is_seen_a_second_later(house: House, raw: Any) -> None:
    house.stock("CLOCK", 1, 5)
    house.at_gate(raw, "CLOCK", 1, 5)
    await put(house)
    assert await dates(house) == ["2026-11-25"]
    house.rows("UPDATE warehouses SET handling_days = 0")
    assert await dates(house) == ["2026-11-25"]
    house.clock.ms += 1_000
    assert await dates(house) == ["2026-11-23"]


async def test_what_is_sold_out_goes_out_after_the_next_arrival(house: House) -> None:
    await put(house)
    await put(house, 2)
    for sku_id, warehouse_id in (("CLOCK", 1), ("CLOCK", 2), ("CLOCK", 3), ("LAMP", 1), ("VASE", 1), ("CHAIR", 1)):
        house.stock(sku_id, warehouse_id, 0)
    on_the_way(house, "CLOCK", 1, 9)
    on_the_way(house, "CLOCK", 1, 4)  # Thursday
    on_the_way(house, "CLOCK", 1, 1, "undone")
    on_the_way(house, "CLOCK", 1, 2, arrived=5)
    on_the_way(house, "CLOCK", 1, 2, "ended", arrived=3)
    on_the_way(house, "CLOCK", 3, 1)  # of a warehouse that was not put
    on_the_way(house, "LAMP", 1, None)
    on_the_way(house, "CHAIR", 1, -30)  # overdue: as if it came now
    asked = {"sku_ids": ["CLOCK", "LAMP", "VASE", "CHAIR"]}
    found = (await house.call("POST", "/inventory/availability", json=asked)).body
    told = {sku_id: [shelf["estimated_ship_date"] for shelf in shelves] for sku_id, shelves in found.items()}
    assert told == {"CLOCK": ["2026-11-27", None, None], "LAMP": [None], "VASE": [None], "CHAIR": ["2026-11-25"]}


async def test_arrivals_of_no_place(house: House) -> None:
    assert await next_arrivals(house.context.pool, []) == {}


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        ({"time_zone": "Europe/Atlantis"}, "time_zone: 'Europe/Atlantis' is not a time zone like Europe/Berlin"),
        ({"time_zone": "../../etc/passwd"}, "time_zone: '../../etc/passwd' is not a time zone like Europe/Berlin"),
        ({"time_zone": 7}, "time_zone: must be a string"),
        ({"working_days": []}, "working_days: list should have at least 1 item"),
        ({"working_days": [0]}, "working_days.0: input should be greater than or equal to 1"),
        ({"working_days": [1, 8]}, "working_days.1: input should be less than or equal to 7"),
        ({"working_days": [True]}, "working_days.0: must be an integer"),
        ({"working_days": ["1"]}, "working_days.0: must be an integer"),
        ({"holidays": ["2026-02-30"]}, "holidays: '2026-02-30' is not a date like 2026-12-25"),
        ({"holidays": ["2026-W01-1"]}, "holidays: '2026-W01-1' is not a date like 2026-12-25"),
        ({"holidays": [20261225]}, "holidays: '20261225' is not a date like 2026-12-25"),
        ({"holidays": ["2026-12-25"] * 1001}, "holidays: list should have at most 1000 items"),
        ({"cutoff": "24:00"}, "cutoff: is not well-formed"),
        ({"cutoff": "9:00"}, "cutoff: is not well-formed"),
        ({"handling_days": -1}, "handling_days: input should be greater than or equal to 0"),
        ({"handling_days": 1.0}, "handling_days: must be an integer"),
        ({"name": ""}, "name: is not well-formed"),
        ({"name": "a\nb"}, "name: is not well-formed"),
        ({"owner": "me"}, "owner: is not a field here"),
    ],
)
async def test_what_is_wrong_is_named(house: House, wrong: dict[str, Any], detail: str) -> None:
    answer = await house.call("PUT", "/warehouses/1", "admin", json=BERLIN | wrong)
    assert (answer.status, answer.body["type"]) == (422, "urn:onhand:problem:malformed")
    assert answer.body["detail"].startswith(detail)
    assert house.rows("SELECT FROM warehouses") == []


@pytest.mark.parametrize("field", ["name", "time_zone", "working_days", "cutoff", "handling_days"])
async def test_what_is_missing_is_named(house: House, field: str) -> None:
    body = {name: value for name, value in BERLIN.items() if name != field}
    answer = await house.call("PUT", "/warehouses/1", "admin", json=body)
    assert (answer.status, answer.body["detail"]) == (422, f"{field}: is missing")


@pytest.mark.parametrize("id", ["0", "32768", "x"])
async def test_an_id_that_is_none(house: House, id: str) -> None:
    answer = await house.call("PUT", f"/warehouses/{id}", "admin", json=BERLIN)
    assert answer.status == 422
    assert answer.body["detail"].startswith("warehouse_id: ")
