"""What OpenAPI shows: an example of every call and of what it may be answered."""

import json
from typing import Any

import msgspec

from onhand.agents.gateway.problems import MEDIA_TYPE
from onhand.schemas.commands import Adjust, Arrive, Count, Receive, Return, Ship, Transfer
from onhand.schemas.fields import portable_schema

Responses = dict[int | str, dict[str, Any]]

_ID = "0199c0de-7a3b-7c11-9d2e-5f6a7b8c9d0e"
_AT = "2026-11-22T14:38:32.498Z"
_LINE = {"sku_id": "RETRO-CLOCK", "warehouse_id": 1, "quantity": 2}
_SHORT = {"sku_id": "RETRO-CLOCK", "warehouse_id": 1, "requested": 2, "available_qty": 1}
_DECISION = {
    "seq": 4711, "type": "receive", "id": _ID, "outcome": "applied", "sku_id": "RETRO-CLOCK", "warehouse_id": 1,
    "quantity": 100, "available_qty": 100, "reserved_qty": 0, "total_qty": 100, "version": 1, "line": 0, "complete": True,
    "source_offset": 1234, "decided_at_ms": 1795347512498, "decided_at": _AT,
}  # fmt: skip


def problem(status: int, type: str, detail: str, **extra: Any) -> dict[str, Any]:
    """A response that is a problem."""
    example = {"type": f"urn:onhand:problem:{type}", "title": type, "status": status, "detail": detail} | extra
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    return {"description": detail, "content": {MEDIA_TYPE: {"schema": schema, "example": example}}}


def done(example: Any, description: str = "Done") -> dict[str, Any]:
    """A response that says what was done."""
    return {"description": description, "content": {"application/json": {"example": example}}}


EVERYWHERE: Responses = {
    401: problem(401, "unauthorized", "Authorization: Bearer with an API key"),
    403: problem(403, "forbidden", "the API key does not have the scope"),
    413: problem(413, "too-large", "the body is larger than 1 MiB"),
    422: problem(422, "malformed", "quantity: must be an integer"),
    429: problem(429, "too-many", "more than the API key's rate"),
    503: problem(503, "unavailable", "no decision can be had now"),
}
"""What any call may be answered."""
_LATE: Responses = {504: problem(504, "timeout", "no answer in time", reservation_id=_ID)}


def _already(outcome: str) -> dict[str, Any]:
    return problem(409, outcome, outcome.replace("_", " "), outcome=outcome, reservation_id=_ID)


_UNKNOWN: Responses = {
    404: problem(404, "unknown_reservation", "no such reservation", outcome="unknown_reservation", reservation_id=_ID)
}
_ENDED: Responses = {409: _already("already_expired"), **_UNKNOWN, **_LATE}
_RESERVED = {"reservation_id": _ID, "status": "active", "ttl_s": 600, "expires_at": _AT, "lines": [_LINE]}
_REFUSED = problem(
    409, "insufficient_stock", "insufficient stock", outcome="insufficient_stock", reservation_id=_ID, lines=[_SHORT]
)

_HOLDER = f"alice (API key {_ID})"
_TAKEN = f"RETRO-CLOCK:1 is locked by {_HOLDER}"

RESERVE: Responses = {201: done(_RESERVED, "Reserved"), 409: _REFUSED, **_LATE}
COMMIT: Responses = {200: done({"reservation_id": _ID, "status": "committed"}), **_ENDED}
RELEASE: Responses = {200: done({"reservation_id": _ID, "status": "released"}), **_ENDED}
EXTEND: Responses = {200: done({"reservation_id": _ID, "status": "active", "expires_at": _AT}), **_ENDED}
MOVEMENTS: Responses = {
    200: done(_DECISION),
    423: problem(423, "locked", _TAKEN, position="RETRO-CLOCK:1", holder=_HOLDER),
    409: problem(409, "insufficient_stock", "insufficient stock", outcome="insufficient_stock", decision=_DECISION),
    **_LATE,
}
REORDER: Responses = {
    200: done({"sku_id": "RETRO-CLOCK", "warehouse_id": 1, "reorder_point": 5, "reorder_quantity": 50}),
    **_LATE,
}

_TOLD = {
    "line": 1, "id": _ID, "outcome": "applied", "type": "receive", "sku_id": "RETRO-CLOCK", "warehouse_id": 1,
    "quantity": 100, "available_qty": 100, "reserved_qty": 0, "total_qty": 100, "version": 1,
}  # fmt: skip
_WRONG = {"line": 2, "error": "quantity: must be an integer"}
_NDJSON = "application/x-ndjson"
BATCH: Responses = {
    200: {
        "description": "A line for each line, in order",
        "content": {_NDJSON: {"schema": {"type": "string"}, "example": f"{json.dumps(_TOLD)}\n{json.dumps(_WRONG)}\n"}},
    }
}

OF_RESERVATION = {"reservation": {"value": {"reservation_id": _ID}}}
"""Of a request's body, as the next ones."""
EXTEND_BODY = {"an hour": {"value": {"reservation_id": _ID, "ttl_s": 3_600}}}
RESERVE_BODY = {
    "lines alone": {"value": [_LINE]},
    "with options": {
        "value": {"lines": [_LINE], "ttl_s": 900, "channel": "web", "order_id": "o-1", "reservation_id": _ID}
    },
}
REORDER_BODY = {"low at 5": {"value": {"reorder_point": 5, "reorder_quantity": 50}}}
_BODIES: dict[str, dict[str, Any]] = {
    "receive": {"type": "receive", "sku_id": "RETRO-CLOCK", "warehouse_id": 1, "quantity": 100, "reference_id": "po-17"},
    "return": {"type": "return", "sku_id": "RETRO-CLOCK", "warehouse_id": 1, "quantity": 1},
    "ship": {"type": "ship", "sku_id": "RETRO-CLOCK", "warehouse_id": 1, "quantity": 1, "channel": "web"},
    "adjust": {"type": "adjust", "sku_id": "RETRO-CLOCK", "warehouse_id": 1, "delta": -2, "reason": "broken"},
    "count": {"type": "count", "sku_id": "RETRO-CLOCK", "warehouse_id": 1, "counted_qty": 97},
    "transfer": {"type": "transfer", "sku_id": "RETRO-CLOCK", "warehouse_id": 1, "quantity": 10, "to_warehouse_id": 2},
    "arrive": {"type": "arrive", "sku_id": "RETRO-CLOCK", "warehouse_id": 2, "transfer_id": _ID, "quantity": 10},
}  # fmt: skip


def _schema(model: Any) -> dict[str, Any]:
    """A command's schema, where the id may be absent or null."""
    _, of_name = msgspec.json.schema_components([model])
    schema: dict[str, Any] = portable_schema(of_name[model.__name__])
    schema["properties"]["id"] = {"anyOf": [schema["properties"]["id"], {"type": "null"}], "default": None}
    schema["required"] = sorted({"type", *schema["required"]} - {"id"})
    return schema


MOVEMENT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"oneOf": [_schema(m) for m in (Receive, Return, Ship, Adjust, Count, Transfer, Arrive)]},
                "examples": {name: {"value": body} for name, body in _BODIES.items()},
            }
        },
    }
}
_LINES = "".join(f"{json.dumps(body)}\n" for body in _BODIES.values())
_ROWS = "type,sku_id,warehouse_id,quantity,counted_qty\nreceive,RETRO-CLOCK,1,100,\ncount,TEAPOT,1,,42\n"
BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A movement on each line, as for /inventory/movements; or below a header that names its fields.",
        "content": {
            _NDJSON: {"schema": {"type": "string"}, "example": _LINES},
            "text/csv": {"schema": {"type": "string"}, "example": _ROWS},
        },
    },
    "parameters": [
        {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string", "maxLength": 128},
         "description": "The same batch again goes on where it broke off."}
    ],
}  # fmt: skip
