"""The scenario table: commands, the decisions they must have, the stock they must leave.

One table for every implementation of the rules: the oracle, the gate's script, the ledger's fold. Each rung of the
outcome ladder stands here with the next rung wrong as well, so that the order of precedence is held too.
"""

import json
from dataclasses import dataclass
from typing import Any

WINDOW_MS = 10_000
SWEEP_LIMIT = 3
START_MS = 1_000_000
AT = ("CLOCK", 1)


def uid(number: int) -> str:
    """A canonical UUID for a small number."""
    return f"00000000-0000-7000-8000-{number:012x}"


@dataclass(frozen=True)
class Step:
    """A record at `at_ms` after the start, and of each decision the fields that count; None: the field is absent."""

    value: dict[str, Any] | bytes | None
    decisions: tuple[dict[str, Any], ...]
    at_ms: int = 0

    @property
    def bytes(self) -> bytes | None:
        """The record's value."""
        return json.dumps(self.value, separators=(",", ":")).encode() if isinstance(self.value, dict) else self.value

    @property
    def own(self) -> bool:
        """Whether it is onhand's own record, which must be signed."""
        return isinstance(self.value, dict) and self.value.get("type") == "sweep"


@dataclass(frozen=True)
class Scenario:
    """Steps from an empty partition on, and what they leave: (available, reserved, version) of `AT`, ids held."""

    name: str
    steps: tuple[Step, ...]
    leaves: tuple[int, int, int]
    held: frozenset[str] = frozenset()


def step(value: Any, *decisions: str | dict[str, Any], at: int = 0) -> Step:
    """A step; a decision that is a word alone is its outcome."""
    return Step(value, tuple({"outcome": d} if isinstance(d, str) else d for d in decisions), at)


def said(outcome: str, **fields: Any) -> dict[str, Any]:
    """A decision with that outcome and those fields."""
    return {"outcome": outcome, "replayed": None} | fields


def again(outcome: str, **fields: Any) -> dict[str, Any]:
    """A repeat that is told the earlier outcome."""
    return {"outcome": outcome, "replayed": True} | fields


def command(kind: str, number: int, **fields: Any) -> dict[str, Any]:
    """A command about `AT` with the id of that number."""
    return {"type": kind, "id": uid(number), "sku_id": AT[0], "warehouse_id": AT[1]} | fields


def moved(kind: str, number: int, quantity: int, **fields: Any) -> dict[str, Any]:
    """receive, return, ship, or a one-line reserve."""
    return command(kind, number, quantity=quantity, **fields)


def reserve(number: int, quantity: int, ttl_ms: int = 5_000, **fields: Any) -> dict[str, Any]:
    """A reserve that expires `ttl_ms` later."""
    return moved("reserve", number, quantity, ttl_ms=ttl_ms, **fields)


def of(kind: str, number: int, reservation: int, **fields: Any) -> dict[str, Any]:
    """commit, release, extend."""
    return command(kind, number, reservation_id=uid(reservation), **fields)


def adjust(number: int, delta: int) -> dict[str, Any]:
    """A correction."""
    return command("adjust", number, delta=delta, reason="broken")


SWEEP = {"type": "sweep"}
STOCKED = step(moved("receive", 1, 10), said("applied", available_qty=10, reserved_qty=0, total_qty=10, version=1))
HELD = step(reserve(2, 4), said("reserved", available_qty=6, reserved_qty=4, expires_at_ms=START_MS + 5_000))
SOLD = step(of("commit", 3, 2), said("committed", quantity=4, available_qty=6, reserved_qty=0, total_qty=6))
BACK = step(of("release", 3, 2), said("released", quantity=4, available_qty=10, reserved_qty=0, total_qty=10))
FULL = tuple(step(moved("receive", n, 1_000_000_000), "applied") for n in (1, 4))


def _table(*rows: tuple[Any, ...]) -> list[Scenario]:
    return [Scenario(row[0], tuple(row[1]), row[2], frozenset(map(uid, row[3:]))) for row in rows]


DONE = _table(
    ("receive", [STOCKED], (10, 0, 1)),
    ("return", [STOCKED, step(moved("return", 5, 2), said("applied", quantity=2, total_qty=12))], (12, 0, 2)),
    ("ship", [STOCKED, step(moved("ship", 5, 10, channel="web"), said("applied", channel="web"))], (0, 0, 2)),
    ("adjust down", [STOCKED, step(adjust(5, -3), said("applied", quantity=-3, available_qty=7))], (7, 0, 2)),
    ("adjust up", [step(adjust(5, 3), said("applied", quantity=3, total_qty=3))], (3, 0, 1)),
    ("reserve", [STOCKED, HELD], (6, 4, 2), 2),
    ("reserve all", [STOCKED, step(reserve(2, 10), said("reserved", available_qty=0))], (0, 10, 2), 2),
    ("reserve tells its order", [STOCKED, step(
        reserve(2, 1, channel="web", order_id="o-1", reference_id="r"),
        said("reserved", channel="web", order_id="o-1", reference_id="r", reservation_id=uid(2), line=0))],
     (9, 1, 2), 2),
    ("lines of one position count as one", [STOCKED, step(
        {"type": "reserve", "id": uid(2), "lines": [{"sku_id": "CLOCK", "warehouse_id": 1, "quantity": 3}] * 2},
        said("reserved", quantity=6, sku_id="CLOCK", warehouse_id=1)),
        step(reserve(2, 6), again("reserved", quantity=6))], (4, 6, 2), 2),
    ("commit", [STOCKED, HELD, SOLD], (6, 0, 3)),
    ("release", [STOCKED, HELD, BACK], (10, 0, 3)),
    ("the end tells the order", [STOCKED, step(reserve(2, 1, channel="web", order_id="o"), "reserved"),
        step(of("commit", 3, 2), said("committed", channel="web", order_id="o"))], (9, 0, 3)),
    ("extend", [STOCKED, HELD, step(
        of("extend", 3, 2, ttl_ms=9_000),
        said("extended", quantity=4, expires_at_ms=START_MS + 9_100, version=2), at=100)], (6, 4, 2), 2),
    ("set_reorder", [step(
        command("set_reorder", 5, reorder_point=3, reorder_quantity=9),
        said("applied", reorder_point=3, reorder_quantity=9, quantity=None, version=0))], (0, 0, 0)),
)  # fmt: skip

REFUSED = _table(
    ("invalid, the id in use too", [STOCKED, step(
        moved("ship", 1, 0),
        said("invalid", id=uid(1), type="ship", available_qty=10, quantity=None, reservation_id=None))], (10, 0, 1)),
    ("id_reused, the reservation unknown too", [STOCKED, step(
        of("commit", 1, 99), said("id_reused", quantity=None, available_qty=10))], (10, 0, 1)),
    ("id_reused, more than there is too", [STOCKED, step(moved("ship", 1, 11), said("id_reused", quantity=11))],
     (10, 0, 1)),
    ("id_reused of an active reservation", [STOCKED, HELD, step(
        reserve(2, 5), said("id_reused", quantity=5, reservation_id=uid(2), expires_at_ms=None))], (6, 4, 2), 2),
    ("id_reused of an ended reservation", [STOCKED, HELD, SOLD, step(reserve(2, 5), "id_reused")], (6, 0, 3)),
    ("id_reused by its own commit", [STOCKED, HELD, step(of("commit", 2, 2), "id_reused")], (6, 4, 2), 2),
    ("id_reused at another position", [STOCKED, step(
        moved("receive", 1, 10, warehouse_id=2), said("id_reused", warehouse_id=2, total_qty=0, version=0))],
     (10, 0, 1)),
    ("id_reused of an adjust with another sign", [STOCKED, step(adjust(5, -3), "applied"), step(
        adjust(5, 3), said("id_reused", quantity=3))], (7, 0, 2)),
    ("a repeat, more than there is by now", [STOCKED, step(moved("ship", 5, 10), "applied"), step(
        moved("ship", 5, 10), again("applied", quantity=10, available_qty=0))], (0, 0, 2)),
    ("a repeat, its reservation ended", [STOCKED, HELD, SOLD, step(
        of("commit", 3, 2), again("committed", quantity=4, reservation_id=uid(2)))], (6, 0, 3)),
    ("a repeat past the limit", [*FULL, step(moved("receive", 4, 1_000_000_000), again("applied"))],
     (2_000_000_000, 0, 2)),
    ("a repeated reserve tells the present expiry", [STOCKED, HELD, step(of("extend", 3, 2, ttl_ms=9_000), "extended"),
        step(reserve(2, 4), again("reserved", quantity=4, expires_at_ms=START_MS + 9_000))], (6, 4, 2), 2),
    ("a repeated reserve of what ended", [STOCKED, HELD, BACK, step(
        reserve(2, 4), again("reserved", quantity=4, available_qty=10, expires_at_ms=None))], (10, 0, 3)),
    ("a repeated extend of what is held", [STOCKED, HELD, step(of("extend", 3, 2, ttl_ms=2_000), "extended"), step(
        of("extend", 3, 2, ttl_ms=7_000), again("extended", quantity=4, expires_at_ms=START_MS + 2_000), at=50)],
     (6, 4, 2), 2),
    ("a repeated extend of what ended", [STOCKED, HELD, step(of("extend", 3, 2, ttl_ms=2_000), "extended"),
        step(of("release", 4, 2), "released"),
        step(of("extend", 3, 2, ttl_ms=2_000), again("extended", quantity=4, expires_at_ms=None))], (10, 0, 3)),
    ("a repeat names no order", [STOCKED, step(reserve(2, 1, channel="web", order_id="o"), "reserved"),
        step(of("commit", 3, 2), "committed"),
        step(of("commit", 3, 2), again("committed", channel=None, order_id=None))], (9, 0, 3)),
    ("a repeated set_reorder", [
        step(command("set_reorder", 5, reorder_point=3, reorder_quantity=9), "applied"),
        step(command("set_reorder", 5, reorder_point=3, reorder_quantity=9), again("applied", reorder_point=None))],
     (0, 0, 0)),
    ("unknown_reservation", [STOCKED, step(
        of("commit", 3, 2), said("unknown_reservation", quantity=None, available_qty=10))], (10, 0, 1)),
    ("unknown_reservation at another position", [STOCKED, HELD, step(
        of("release", 3, 2, warehouse_id=2), said("unknown_reservation", warehouse_id=2, available_qty=0))],
     (6, 4, 2), 2),
    ("unknown_reservation at another position, ended too", [STOCKED, HELD, SOLD, step(
        of("extend", 4, 2, ttl_ms=1_000, warehouse_id=2), "unknown_reservation")], (6, 0, 3)),
    ("unknown_reservation under a movement's id", [STOCKED, step(of("commit", 3, 1), "unknown_reservation")],
     (10, 0, 1)),
    ("already_committed", [STOCKED, HELD, SOLD, step(of("release", 4, 2), said("already_committed", quantity=4))],
     (6, 0, 3)),
    ("already_released", [STOCKED, HELD, BACK, step(
        of("extend", 4, 2, ttl_ms=1_000), said("already_released", quantity=4, expires_at_ms=None))], (10, 0, 3)),
    ("already_expired", [STOCKED, HELD, step(SWEEP, "expired", at=5_000),
        step(of("commit", 4, 2), said("already_expired", quantity=4, available_qty=10), at=5_000)], (10, 0, 3)),
    ("limit_exceeded", [*FULL, step(moved("receive", 5, 1), said("limit_exceeded", quantity=1))],
     (2_000_000_000, 0, 2)),
    ("limit_exceeded by a return", [*FULL, step(moved("return", 5, 1), "limit_exceeded")], (2_000_000_000, 0, 2)),
    ("limit_exceeded by an adjust", [*FULL, step(adjust(5, 1), said("limit_exceeded", quantity=1))],
     (2_000_000_000, 0, 2)),
    ("limit_exceeded counts what is reserved", [*FULL, step(reserve(2, 5), "reserved"), step(
        moved("receive", 5, 1), "limit_exceeded")], (1_999_999_995, 5, 3), 2),
    ("insufficient_stock for a reserve", [STOCKED, step(
        reserve(2, 11, order_id="o"), said("insufficient_stock", quantity=11, available_qty=10, order_id="o"))],
     (10, 0, 1)),
    ("insufficient_stock where nothing ever was", [step(
        reserve(2, 1), said("insufficient_stock", available_qty=0, version=0, total_qty=0))], (0, 0, 0)),
    ("insufficient_stock for a ship: reserved is not available", [STOCKED, HELD, step(
        moved("ship", 5, 7), said("insufficient_stock", quantity=7, available_qty=6))], (6, 4, 2), 2),
    ("insufficient_stock for an adjust", [STOCKED, step(adjust(5, -11), said("insufficient_stock", quantity=-11))],
     (10, 0, 1)),
    ("insufficient_stock for folded lines", [STOCKED, step(
        {"type": "reserve", "id": uid(2), "lines": [{"sku_id": "CLOCK", "warehouse_id": 1, "quantity": 6}] * 2},
        said("insufficient_stock", quantity=12))], (10, 0, 1)),
    ("refused leaves nothing: the same id anew", [step(reserve(2, 4), "insufficient_stock"), STOCKED, HELD],
     (6, 4, 2), 2),
    ("refused leaves nothing: another body anew", [step(moved("ship", 2, 4), "insufficient_stock"), STOCKED, HELD],
     (6, 4, 2), 2),
    ("a refused commit leaves nothing", [STOCKED, step(of("commit", 3, 2), "unknown_reservation"), HELD, SOLD],
     (6, 0, 3)),
)  # fmt: skip

TIME = _table(
    ("not due yet", [STOCKED, HELD, step(SWEEP, at=4_999)], (6, 4, 2), 2),
    ("due", [STOCKED, HELD, step(SWEEP, said(
        "expired", type="expire", id=uid(2), reservation_id=uid(2), quantity=4, available_qty=10, index=None, of=None,
        decided_at_ms=START_MS + 5_000), at=5_000)], (10, 0, 3)),
    ("expiry tells the order", [STOCKED, step(reserve(2, 1, channel="web", order_id="o"), "reserved"),
        step(SWEEP, said("expired", channel="web", order_id="o"), at=9_000)], (10, 0, 3)),
    ("a commit before the sweep wins, even late", [STOCKED, HELD, step(of("commit", 3, 2), "committed", at=7_000),
        step(SWEEP, at=7_000)], (6, 0, 3)),
    ("an extend before the sweep wins, even late", [STOCKED, HELD, step(
        of("extend", 3, 2, ttl_ms=1_000), said("extended", expires_at_ms=START_MS + 8_000), at=7_000),
        step(SWEEP, at=7_500)], (6, 4, 2), 2),
    ("a sweep has a limit, takes the earliest first, then by id", [STOCKED,
        step(reserve(9, 1, 2_000), "reserved"), step(reserve(8, 1, 2_000), "reserved"),
        step(reserve(7, 1, 3_000), "reserved"), step(reserve(6, 1, 1_000), "reserved"),
        step(SWEEP, said("expired", id=uid(6), index=0, of=3), said("expired", id=uid(8), index=1, of=3),
             said("expired", id=uid(9), index=2, of=3, available_qty=9), at=4_000)], (9, 1, 8), 7),
    ("a shortened hold is due earlier", [STOCKED, HELD, step(of("extend", 3, 2, ttl_ms=1_000), "extended"),
        step(SWEEP, said("expired", id=uid(2)), at=1_000), step(SWEEP, at=5_000)], (10, 0, 3)),
    ("the clock does not go back", [STOCKED, step(moved("ship", 5, 1), said("applied", decided_at_ms=START_MS + 900),
        at=900), step(reserve(2, 1), said("reserved", expires_at_ms=START_MS + 5_900, decided_at_ms=START_MS + 900),
        at=100)], (8, 1, 3), 2),
    ("an invalid record moves the clock too", [step(b"{}", said("invalid", decided_at_ms=START_MS + 900), at=900),
        step(moved("receive", 1, 1), said("applied", decided_at_ms=START_MS + 900))], (1, 0, 1)),
    ("remembered through the next generation", [STOCKED, step(
        moved("receive", 1, 10), again("applied"), at=2 * WINDOW_MS - 1)], (10, 0, 1)),
    ("forgotten after the next generation", [STOCKED, step(
        moved("receive", 1, 10), said("applied", available_qty=20), at=2 * WINDOW_MS)], (20, 0, 2)),
    ("a repeat does not renew the memory", [STOCKED,
        step(moved("receive", 1, 10), again("applied"), at=WINDOW_MS),
        step(moved("receive", 1, 10), said("applied"), at=2 * WINDOW_MS)], (20, 0, 2)),
    ("an active reservation is known for ever", [STOCKED, step(reserve(2, 4, 86_400_000), "reserved"),
        step(reserve(2, 5), "id_reused", at=9 * WINDOW_MS), step(reserve(2, 4), again("reserved"), at=9 * WINDOW_MS)],
     (6, 4, 2), 2),
    ("an ended reservation is remembered from its end", [STOCKED, step(reserve(2, 4, 86_400_000), "reserved"),
        step(of("commit", 3, 2), "committed", at=5 * WINDOW_MS),
        step(of("commit", 4, 2), "already_committed", at=7 * WINDOW_MS - 1),
        step(of("commit", 4, 2), "unknown_reservation", at=7 * WINDOW_MS)], (6, 0, 3)),
    ("the clock jumps over generations", [STOCKED, HELD, step(SWEEP, "expired", at=50 * WINDOW_MS),
        step(reserve(2, 4), again("reserved"), at=50 * WINDOW_MS)], (10, 0, 3)),
)  # fmt: skip

SCENARIOS = DONE + REFUSED + TIME
