"""What OpenAPI shows of the reads."""

from onhand.agents.gateway.examples import Responses, done, problem

_ID = "0199c0de-7a3b-7c11-9d2e-5f6a7b8c9d0e"
_AT = "2026-11-22T14:38:32.498Z"
_SHELF = {
    "warehouse_id": 1, "available_qty": 98, "estimated_ship_date": "2026-11-24", "version": 2, "source": "gate",
}  # fmt: skip
_MOVEMENT = {
    "movement_id": _ID, "sku_id": "RETRO-CLOCK", "source_warehouse": None, "dest_warehouse": 1, "quantity": 100,
    "movement_type": "receive", "reference_id": "po-17", "created_at": _AT,
}  # fmt: skip
_LOW = {"sku_id": "RETRO-CLOCK", "warehouse_id": 1, "available_qty": 3, "reorder_point": 5, "suggested_quantity": 57}
_ON_THE_WAY = {
    "transfer_id": _ID, "source_warehouse": 1, "dest_warehouse": 2, "quantity": 10, "expected_at": _AT, "opened_at": _AT,
}  # fmt: skip
_RESERVATION = {
    "reservation_id": _ID, "status": "committed", "ended_as": "committed", "expires_at": _AT, "order_id": "o-1",
    "channel": "web",
    "lines": [{"sku_id": "RETRO-CLOCK", "warehouse_id": 1, "quantity": 2, "status": "committed"}],
}  # fmt: skip
WAREHOUSE_BODY = {
    "name": "Hamburg", "time_zone": "Europe/Berlin", "working_days": [1, 2, 3, 4, 5], "holidays": ["2026-12-25"],
    "cutoff": "14:00", "handling_days": 1,
}  # fmt: skip

AVAILABILITY: Responses = {200: done([_SHELF], "By warehouse; empty for an unknown SKU")}
AVAILABILITIES: Responses = {200: done({"RETRO-CLOCK": [_SHELF], "NEVER-SEEN": []}, "Each of the SKUs")}
MOVEMENTS: Responses = {200: done({"items": [_MOVEMENT], "next_cursor": _ID}, "A page")}
IN_TRANSIT: Responses = {200: done({"items": [_ON_THE_WAY], "next_cursor": None}, "A page")}
LOW_STOCK: Responses = {200: done({"items": [_LOW], "next_cursor": None}, "A page")}
RESERVATION: Responses = {
    200: done(_RESERVATION, "The reservation"),
    404: problem(404, "not-found", "there is no such reservation", reservation_id=_ID),
    504: problem(504, "timeout", "the ledger is too far behind to tell", reservation_id=_ID),
}
WAREHOUSE: Responses = {200: done({"warehouse_id": 1} | WAREHOUSE_BODY, "As it is kept")}
