"""What people put into a topic that is no command: the record, and what the answer must name.

Used against admission and the oracle (unit), and against the running system (end to end).
"""

import json
from dataclasses import dataclass
from typing import Any

from onhand.schemas.codec import MAX_BYTES
from tests.scenarios import AT, command, moved, of, reserve, uid


@dataclass(frozen=True)
class Bad:
    """A record that must be `invalid`: its message names `field` and holds `reason`; `echo` is all that is echoed."""

    name: str
    value: bytes | None
    field: str
    reason: str
    echo: tuple[str, ...] = ("type", "id", "position")
    headers: tuple[tuple[str, bytes], ...] = ()


def _bad(name: str, body: Any, field: str, reason: str, *without: str, **fields: Any) -> Bad:
    echo = tuple(e for e in ("type", "id", "position") if e not in without)
    return Bad(name, json.dumps(body | fields).encode(), field, reason, echo)


def _raw(name: str, value: bytes | None, reason: str) -> Bad:
    return Bad(name, value, "value", reason, ())


def _number(text: str, reason: str) -> Bad:
    """A ship whose quantity is written as `text`."""
    value = json.dumps(moved("ship", 5, 1)).replace('"quantity": 1', f'"quantity": {text}').encode()
    return Bad(f"quantity {text}", value, "quantity", reason)


def _lines(name: str, lines: Any, field: str, reason: str) -> Bad:
    return _bad(name, {"type": "reserve", "id": uid(5), "lines": lines}, field, reason, "position")


SHIP = moved("ship", 5, 1)
ORDER = reserve(5, 1)
LINE = {"sku_id": AT[0], "warehouse_id": AT[1], "quantity": 1}
_LONG = json.dumps(moved("ship", 5, 1, reference_id="r")).encode()

NOT_JSON = [
    _raw("no value", None, "is null"),
    _raw("nothing", b"", "is not JSON"),
    _raw("text", b"ship it", "is not JSON"),
    _raw("cut off", json.dumps(SHIP).encode()[:-1], "is not JSON"),
    _raw("two objects", b"{}{}", "is not JSON"),
    _raw("not UTF-8", b'{"type":"ship\xff"}', "is not JSON"),
    _raw("half a surrogate", b'{"type":"\\ud800"}', "is not JSON"),
    _raw("an avalanche of brackets", b"[" * 60_000, "is not JSON"),
    _raw("a list", json.dumps([SHIP]).encode(), "is not a JSON object"),
    _raw("a number", b"3", "is not a JSON object"),
    _raw("null", b"null", "is not a JSON object"),
    _raw("64 KiB and one", _LONG + b" " * (MAX_BYTES + 1 - len(_LONG)), "more than 65536"),
    Bad("quantity NaN", json.dumps(SHIP | {"quantity": float("nan")}).encode(), "value", "is not JSON", ()),
]
FIELDS = [
    Bad("an empty object", b"{}", "type", "is missing", ()),
    _bad("no type", SHIP, "type", "is missing", "type", type=None),
    _bad("unknown type", SHIP, "type", "is not one of", "type", type="steal"),
    _bad("type is a list", SHIP, "type", "is not one of", "type", type=["ship"]),
    _bad("unknown field", SHIP, "price", "is not a field", price=3),
    _bad("a field of another command", SHIP, "ttl_ms", "is not a field", ttl_ms=5_000),
    _bad("no quantity", SHIP, "quantity", "is missing", quantity=None),
    _bad("no id", SHIP, "id", "is missing", "id", id=None),
    _bad("no sku", SHIP, "sku_id", "is missing", "position", sku_id=None),
    _bad("no warehouse", SHIP, "warehouse_id", "is missing", "position", warehouse_id=None),
    _bad("no reservation", of("commit", 5, 2), "reservation_id", "is missing", reservation_id=None),
    _bad("no ttl of an extend", of("extend", 5, 2), "ttl_ms", "is missing"),
    _bad("no reason of an adjust", command("adjust", 5, delta=1), "reason", "is missing"),
    _bad("a delta of 0", command("adjust", 5, delta=0, reason="x"), "delta", "must not be 0"),
    _bad("a delta too far", command("adjust", 5, delta=-(10**9) - 1, reason="x"), "delta", ""),
    *(
        _bad(f"id {name!r}", SHIP, "id", "", "id", id=name)
        for name in ("", "1", uid(5).upper() + "A", uid(5) + "\n", 7)
    ),
    _bad("id in braces", SHIP, "id", "is not well-formed", "id", id="{" + uid(5) + "}"),
    _bad("ttl too short", ORDER, "ttl_ms", "", ttl_ms=999),
    _bad("ttl too long", ORDER, "ttl_ms", "", ttl_ms=86_400_001),
    _bad("channel with a capital", ORDER, "channel", "is not well-formed", channel="Web"),
    _bad("NUL in a string", ORDER, "order_id", "is not well-formed", order_id="a\u0000b"),
    _bad("a line break in a string", SHIP, "reference_id", "is not well-formed", reference_id="a\nb"),
    _bad("an empty string", SHIP, "actor", "is not well-formed", actor=""),
    _bad("129 characters", SHIP, "actor", "is not well-formed", actor="é" * 129),
    _bad("reorder point below 0", command("set_reorder", 5, reorder_quantity=1), "reorder_point", "", reorder_point=-1),
]
NUMBERS = [
    _number("0", "greater than or equal to 1"),
    _number("-5", "greater than or equal to 1"),
    _number("1000000001", "less than or equal to 1000000000"),
    _number("9007199254740993", "less than or equal to 1000000000"),
    *(_number(text, "integer") for text in ("1.5", "1.0", '"3"', "true", "1e3", "[1]", "1e400")),
    _number("9" * 40, "less than or equal to 1000000000"),
    Bad(
        "quantity of 5,000 digits", json.dumps(SHIP).replace(": 1}", ": " + "9" * 5_000 + "}").encode(), "value", "", ()
    ),
]
SKUS = [
    *(_bad(f"sku {sku!r}", SHIP, "sku_id", "is not well-formed", "position", sku_id=sku)
      for sku in ("A:B", "{A}", "A B", "A/B", "⏰", "", "A" * 65, "A\n", "É")),
    _bad("sku is a number", SHIP, "sku_id", "", "position", sku_id=3),
    *(_bad(f"warehouse {wh!r}", SHIP, "warehouse_id", "", "position", warehouse_id=wh)
      for wh in (0, -1, 32_768, 70_000, "1", 1.0, True)),
]  # fmt: skip
ORDERS = [
    _lines("no lines", [], "lines", ""),
    _lines("101 lines", [LINE] * 101, "lines", ""),
    _lines("lines are no list", LINE, "lines", ""),
    _lines("a line without a quantity", [LINE, {"sku_id": "A", "warehouse_id": 1}], "lines.1.quantity", "is missing"),
    _lines("a line with more", [LINE | {"price": 3}], "lines.0.price", "is not a field"),
    _bad("both lines and quantity", ORDER, "lines", "not together", lines=[LINE]),
]
OWN = [
    Bad("a sweep of a stranger", b'{"type":"sweep"}', "header onhand", "is missing", ("type",)),
    Bad("a sweep with a bad signature", b'{"type":"sweep"}', "header onhand", "does not verify", ("type",),
        (("onhand", b"v1;test;" + b"00" * 32),)),
    Bad("a command with a bad signature", json.dumps(SHIP).encode(), "header onhand", "does not verify",
        headers=(("onhand", b"\xff"),)),
]  # fmt: skip
LATER = [
    _bad(f"{body['type']} later", body, "type", "is not supported yet")
    for body in (
        command("allocate", 5, ratios={"web": 50}),
        command("rebalance", 5, demand={"web": 1}, floor=0),
        command("shard", 5, shards=4),
    )
]

BAD = NOT_JSON + FIELDS + NUMBERS + SKUS + ORDERS + OWN + LATER
