"""The scenario table of what partitions do together: orders, and how they end. Positions A and A2 are in partition 0, B in 1, C in 2."""

from dataclasses import dataclass
from typing import Any

from onhand.schemas.partitioner import partition_of
from tests.legs_world import PARTITIONS, sku_in
from tests.scenarios import START_MS, SWEEP, WINDOW_MS, again, command, moved, said, uid

Place = tuple[str, int]


A, A2, B, C = (sku_in(0), 1), (sku_in(0, 1), 1), (sku_in(1), 1), (sku_in(2), 1)


@dataclass(frozen=True)
class Turn:
    """A record, and what is told until all is quiet: of each decision the partition, and the fields that count (None: absent).

    Partitions that are `away` decide nothing meanwhile; what waits for them is decided in a later turn.
    """

    partition: int
    value: dict[str, Any]
    told: tuple[tuple[int, dict[str, Any]], ...]
    at_ms: int = 0
    away: tuple[int, ...] = ()


@dataclass(frozen=True)
class Play:
    """Turns from empty partitions on, and what they leave: (available, reserved, version) by position, ids held, transfers on
    their way as (partition, id, shipped, arrived).
    """

    name: str
    turns: tuple[Turn, ...]
    leaves: dict[Place, tuple[int, int, int]]
    held: frozenset[tuple[int, str]] = frozenset()
    opens: frozenset[tuple[int, str, int, int]] = frozenset()


def turn(value: dict[str, Any], *told: tuple[int, dict[str, Any]], **more: Any) -> Turn:
    """At the partition of the record's position."""
    first = value["lines"][0] if "lines" in value else value
    partition = partition_of(f"{first['sku_id']}:{first['warehouse_id']}", PARTITIONS)
    return Turn(partition, value, told, more.get("at", 0), more.get("away", ()))


def sweep(partition: int, *told: tuple[int, dict[str, Any]], at: int, away: tuple[int, ...] = ()) -> Turn:
    """A sweep of that partition."""
    return Turn(partition, SWEEP, told, at, away)


def order(number: int, *lines: tuple[Place, int], **fields: Any) -> dict[str, Any]:
    """A reserve over several positions that expires after 5 s."""
    wished = [{"sku_id": sku, "warehouse_id": at, "quantity": units} for (sku, at), units in lines]
    return {"type": "reserve", "id": uid(number), "lines": wished, "ttl_ms": 5_000} | fields


def at(place: Place) -> dict[str, Any]:
    """The fields of a position."""
    return {"sku_id": place[0], "warehouse_id": place[1]}


def of(kind: str, number: int, reservation: int, place: Place, **fields: Any) -> dict[str, Any]:
    """commit, release, extend of a reservation, by one of its positions."""
    return command(kind, number, reservation_id=uid(reservation), **at(place), **fields)


def stocked(*places: Place, units: int = 10) -> list[Turn]:
    """So many units at each."""
    return [turn(moved("receive", 900 + n, units, **at(p)), (_in(p), said("applied"))) for n, p in enumerate(places)]


def short(line: int, place: Place, requested: int, available: int) -> dict[str, Any]:
    """A line of a refusal."""
    return {"line": line, **at(place), "requested": requested, "available_qty": available}


def _in(place: Place) -> int:
    return partition_of(f"{place[0]}:{place[1]}", PARTITIONS)


def _ids(*held: tuple[int, int]) -> frozenset[tuple[int, str]]:
    return frozenset((partition, uid(number)) for partition, number in held)


_HELD = turn(order(10, (A, 2), (B, 3)),
    (0, said("reserved", **at(A), quantity=2, line=0, complete=False, available_qty=8, reserved_qty=2, index=None,
             id=uid(10), reservation_id=uid(10), expires_at_ms=START_MS + 5_000)),
    (1, said("reserved", **at(B), quantity=3, line=1, complete=True, expires_at_ms=START_MS + 5_000)))  # fmt: skip
_TWO = [*stocked(A, B), _HELD]
_THREE = order(10, (A, 2), (B, 3), (C, 4))
_BACK = {"type": "release", "reason": "order_refused", "id": None, "reservation_id": uid(10), "complete": False}
_SOLD = turn(of("commit", 20, 10, A), (1, said("committed", quantity=3, line=1, complete=True, id=uid(20), **at(B))),
             (0, said("committed", quantity=2, line=0, complete=False, id=uid(20), **at(A))))  # fmt: skip

ORDERS = [
    Play("an order of one leg", (*stocked(A, A2), turn(order(10, (A2, 3), (A, 2)),
        (0, said("reserved", **at(A2), line=0, complete=False, index=0, of=2)),
        (0, said("reserved", **at(A), line=1, complete=True, index=1, of=2)))),
        {A: (8, 2, 2), A2: (7, 3, 2)}, _ids((0, 10))),
    Play("an order of two legs", tuple(_TWO), {A: (8, 2, 2), B: (7, 3, 2)}, _ids((0, 10), (1, 10))),
    Play("three legs, the first line at the last, lines of a position as one, all fields told", (*stocked(A, B, C),
        turn(order(10, (C, 1), (A, 2), (B, 3), (A, 1), channel="web", order_id="o", reference_id="r"),
            (0, said("reserved", quantity=3, line=1, complete=False, channel="web", order_id="o", reference_id="r")),
            (1, said("reserved", quantity=3, line=2, complete=False, order_id="o")),
            (2, said("reserved", quantity=1, line=0, complete=True, channel="web", reference_id="r")))),
        {A: (7, 3, 2), B: (7, 3, 2), C: (9, 1, 2)}, _ids((0, 10), (1, 10), (2, 10))),
    Play("a repeat that names its lines in another order: they are told as they are held", (*stocked(A, A2, B),
        turn(order(10, (A, 1), (A2, 2), (B, 1)), (0, said("reserved")), (0, said("reserved")), (1, said("reserved"))),
        turn(order(10, (A2, 2), (B, 1), (A, 1)), (0, again("reserved", **at(A), line=0)),
             (0, again("reserved", **at(A2), line=1)), (1, again("reserved", **at(B), line=2, complete=True)))),
        {A: (9, 1, 2), A2: (8, 2, 2), B: (9, 1, 2)}, _ids((0, 10), (1, 10))),
    Play("an order in a strange partition", (*stocked(A), Turn(2, order(10, (A, 2), (B, 3)),
        ((2, said("invalid", sku_id=None, id=uid(10))),)),), {A: (10, 0, 1)}),
    Play("short at the first leg", (*stocked(A, A2, B), turn(order(10, (A2, 1), (A, 12), (B, 1), (A2, 10)),
        (0, said("insufficient_stock", **at(A2), line=0, quantity=11, complete=True, expires_at_ms=None,
                 short=[short(0, A2, 11, 10), short(1, A, 12, 10)]))),
        turn(moved("receive", 30, 90, **at(A)), (0, said("applied"))),
        turn(order(10, (A2, 11), (A, 12), (B, 1)),
            (0, again("insufficient_stock", **at(A2), quantity=11, complete=True,
                      short=[short(0, A2, 11, 10), short(1, A, 12, 10)])))),
        {A: (100, 0, 2), A2: (10, 0, 1), B: (10, 0, 1)}),
    Play("short at the second line of the first leg", (*stocked(A, A2, B),
        turn(order(10, (A, 1), (A2, 11), (B, 1)), (0, said("insufficient_stock", **at(A2), line=1, quantity=11))),
        turn(order(10, (A, 1), (A2, 11), (B, 1)), (0, again("insufficient_stock", **at(A2), line=1, quantity=11)))),
        {A: (10, 0, 1), A2: (10, 0, 1)}),
    Play("short at the leg between", (*stocked(A, C), turn(_THREE,
        (0, said("reserved")), (1, said("insufficient_stock", line=1, complete=True, short=[short(1, B, 3, 0)])),
        (0, said("released", quantity=2, line=0, available_qty=10, **_BACK))),
        turn(_THREE, (0, again("insufficient_stock", **at(A), line=0, quantity=2, short=[short(1, B, 3, 0)]))),
        turn(of("commit", 20, 10, A), (0, said("unknown_reservation")))),
        {A: (10, 0, 3), B: (0, 0, 0), C: (10, 0, 1)}),
    Play("short at the home", (*stocked(A, B), turn(_THREE, (0, said("reserved")), (1, said("reserved")),
        (2, said("insufficient_stock", complete=True)), (0, said("released", **_BACK)),
        (1, said("released", quantity=3, line=1, **_BACK)))), {A: (10, 0, 3), B: (10, 0, 3), C: (0, 0, 0)}),
    Play("a hop that comes after the expiry", (*stocked(A, B), turn(order(10, (A, 2), (B, 99)), away=(0,)),
        turn(moved("receive", 30, 1, **at(C)), (0, said("reserved", decided_at_ms=START_MS)), (2, said("applied")),
            (1, said("already_expired", **at(B), quantity=99, complete=True, short=None)),
            (0, said("released", **_BACK)), at=5_000),
        turn(order(10, (A, 2), (B, 99)), (0, again("already_expired", quantity=2, complete=True)), at=5_000)),
        {A: (10, 0, 3), B: (10, 0, 1)}),
    Play("a hop just before the expiry", (*stocked(A, B), turn(order(10, (A, 2), (B, 3)), away=(0,)),
        turn(moved("receive", 30, 1, **at(C)), (0, said("reserved")), (2, said("applied")), (1, said("reserved")),
             at=4_999)), {A: (8, 2, 2), B: (7, 3, 2)}, _ids((0, 10), (1, 10))),
    Play("id_reused at the first leg, short too", (*stocked(A, B), turn(moved("receive", 10, 1, **at(A)),
        (0, said("applied"))), turn(order(10, (A, 99), (B, 3)),
        (0, said("id_reused", quantity=99, complete=True, short=None)))), {A: (11, 0, 2), B: (10, 0, 1)}),
    Play("id_reused at the second leg, short too", (*stocked(A, B), turn(moved("receive", 10, 1, **at(B)),
        (1, said("applied"))), turn(order(10, (A, 2), (B, 99)), (0, said("reserved")),
        (1, said("id_reused", quantity=99, complete=True)), (0, said("released", **_BACK))),
        turn(order(10, (A, 2), (B, 99)), (0, again("id_reused", complete=True))),
        turn(moved("receive", 10, 1, **at(B)), (1, again("applied")))), {A: (10, 0, 3), B: (11, 0, 2)}),
    Play("id_reused by another order", (*_TWO, turn(order(10, (A, 2), (B, 4)),
        (0, said("id_reused", quantity=2, expires_at_ms=None)))),
        {A: (8, 2, 2), B: (7, 3, 2)}, _ids((0, 10), (1, 10))),
    Play("a repeat while it is held", (*_TWO, turn(order(10, (A, 2), (B, 3)),
        (0, again("reserved", quantity=2, complete=False, expires_at_ms=START_MS + 5_000)),
        (1, again("reserved", quantity=3, complete=True)), at=100)),
        {A: (8, 2, 2), B: (7, 3, 2)}, _ids((0, 10), (1, 10))),
    Play("a repeat in one leg", (*stocked(A, A2), turn(order(10, (A2, 3), (A, 2)), (0, said("reserved")),
        (0, said("reserved"))), turn(order(10, (A2, 3), (A, 2)), (0, again("reserved", complete=False)),
        (0, again("reserved", complete=True)))), {A: (8, 2, 2), A2: (7, 3, 2)}, _ids((0, 10))),
    Play("a repeat of what ended", (*_TWO, _SOLD, turn(order(10, (A, 2), (B, 3)),
        (0, again("reserved", quantity=2, complete=True, expires_at_ms=None)))), {A: (8, 0, 3), B: (7, 0, 3)}),
    Play("a repeat that overtakes the refusal", (*stocked(A), turn(order(10, (A, 2), (B, 3)), (0, said("reserved")),
        away=(1,)), turn(order(10, (A, 2), (B, 3)), (1, said("insufficient_stock", complete=True)),
        (0, again("reserved", complete=False)), (0, said("released", **_BACK)),
        (1, again("insufficient_stock", complete=True, line=1)))), {A: (10, 0, 3), B: (0, 0, 0)}),
    Play("a repeat that finds the refusal forgotten", (*stocked(A),
        turn(order(10, (A, 2), (B, 3), ttl_ms=86_400_000), (0, said("reserved")), away=(1,)),
        turn(moved("receive", 30, 9, **at(B)), at=2 * WINDOW_MS, away=(1,)),
        turn(order(10, (A, 2), (B, 3), ttl_ms=86_400_000), (1, said("insufficient_stock")),
             (1, said("applied")), (0, again("reserved", complete=False)), (0, said("released", **_BACK)),
             (1, again("unknown_reservation", complete=True, quantity=None, **at(B))), at=2 * WINDOW_MS)),
        {A: (10, 0, 3), B: (9, 0, 1)}),
    Play("a repeat at a leg that others use the id of", (*stocked(A), turn(moved("receive", 10, 1, **at(B)),
        (1, said("applied"))), turn(order(10, (A, 2), (B, 3)), (0, said("reserved")), away=(1,)),
        turn(order(10, (A, 2), (B, 3)), (0, again("reserved")), away=(1,)),
        turn(moved("receive", 31, 1, **at(C)), (1, said("id_reused")), (1, again("id_reused", complete=True)),
             (2, said("applied")), (0, said("released", **_BACK)))), {A: (10, 0, 3), B: (1, 0, 1)}),
]  # fmt: skip

ENDS = [
    Play("a commit at a leg", (*_TWO, _SOLD,
        turn(of("commit", 20, 10, A), (0, again("committed", quantity=2, **at(A)))),
        turn(of("commit", 20, 10, B), (1, said("id_reused", quantity=None))),
        turn(of("release", 21, 10, A), (0, said("already_committed", quantity=2, complete=True))),
        turn(of("release", 22, 10, B), (1, said("already_committed", quantity=3, line=1))),
        turn(of("release", 23, 10, A2), (0, said("unknown_reservation", quantity=None)))),
        {A: (8, 0, 3), B: (7, 0, 3)}),
    Play("a commit at the home, after the expiry, before the sweep", (*_TWO,
        turn(of("commit", 20, 10, B, reference_id="r"), (1, said("committed", complete=True, reference_id="r")),
             (0, said("committed", complete=False, reference_id="r")), at=9_000),
        sweep(1, at=9_000)), {A: (8, 0, 3), B: (7, 0, 3)}),
    Play("a commit in one leg", (*stocked(A, A2), turn(order(10, (A2, 3), (A, 2), order_id="o"),
        (0, said("reserved")), (0, said("reserved"))),
        turn(of("commit", 20, 10, A), (0, said("committed", **at(A2), line=0, complete=False, order_id="o")),
             (0, said("committed", **at(A), line=1, complete=True, order_id="o"))),
        turn(of("commit", 20, 10, A), (0, again("committed", **at(A), quantity=2, complete=True)))),
        {A: (8, 0, 3), A2: (7, 0, 3)}),
    Play("a release at a leg", (*_TWO, turn(of("release", 20, 10, A),
        (1, said("released", type="release", complete=True, available_qty=10)), (0, said("released", complete=False))),
        turn(of("commit", 21, 10, A), (0, said("already_released")))), {A: (10, 0, 3), B: (10, 0, 3)}),
    Play("an extend at a leg", (*_TWO, turn(of("extend", 20, 10, A, ttl_ms=9_000),
        (1, said("extended", expires_at_ms=START_MS + 9_100, complete=True, version=2)),
        (0, said("extended", expires_at_ms=START_MS + 9_100, complete=False, quantity=2, version=2)), at=100),
        turn(of("extend", 20, 10, A, ttl_ms=9_000), (0, again("extended", expires_at_ms=START_MS + 9_100)), at=200),
        turn(order(10, (A, 2), (B, 3)), (0, again("reserved", expires_at_ms=START_MS + 9_100)), (1, again("reserved"))),
        sweep(1, at=5_000), sweep(0, at=5_000)), {A: (8, 2, 2), B: (7, 3, 2)}, _ids((0, 10), (1, 10))),
    Play("expiry is decided at the home", (*_TWO, sweep(0, at=5_000), sweep(1,
        (1, said("expired", type="expire", id=uid(10), reservation_id=uid(10), quantity=3, line=1, complete=True)),
        (0, said("expired", type="expire", id=uid(10), quantity=2, line=0, complete=False)), at=5_000),
        turn(of("commit", 20, 10, A), (0, said("already_expired", quantity=2)), at=5_000)),
        {A: (10, 0, 3), B: (10, 0, 3)}),
    Play("a sweep's limit counts decisions, and never cuts an order", (*stocked(A, A2),
        turn(order(10, (A2, 1), (A, 1)), (0, said("reserved")), (0, said("reserved"))),
        turn(order(11, (A2, 1), (A, 1)), (0, said("reserved")), (0, said("reserved"))),
        turn(moved("reserve", 12, 1, **at(A), ttl_ms=5_000), (0, said("reserved"))),
        sweep(0, (0, said("expired", id=uid(10), index=0, of=4, complete=False)),
              (0, said("expired", id=uid(10), complete=True)), (0, said("expired", id=uid(11), complete=False)),
              (0, said("expired", id=uid(11), index=3, complete=True)), at=5_000)),
        {A: (9, 1, 6), A2: (10, 0, 5)}, _ids((0, 12))),
    Play("a commit that is passed on comes after the sweep", (*_TWO, sweep(1, at=5_000, away=(1,)),
        turn(of("commit", 20, 10, A), (1, said("expired", complete=True)),
            (0, said("expired", complete=False)),
            (1, said("already_expired", complete=True, sku_id=None, quantity=None, line=None, id=uid(20))), at=5_000),
        turn(of("commit", 20, 10, A), (0, said("already_expired", quantity=2)), at=5_000)),
        {A: (10, 0, 3), B: (10, 0, 3)}),
    Play("two commands of one id, one passed on", (*_TWO, turn(of("commit", 20, 10, A), away=(1,)),
        turn(of("release", 20, 10, B), (1, said("committed")), (1, said("id_reused")), (0, said("committed")))),
        {A: (8, 0, 3), B: (7, 0, 3)}),
    Play("the same commit twice before its settle", (*_TWO, turn(of("commit", 20, 10, A), away=(1,)),
        turn(of("commit", 20, 10, A), (1, said("committed", complete=True)),
             (0, said("committed")), (1, again("committed", sku_id=None, quantity=None, complete=True)))),
        {A: (8, 0, 3), B: (7, 0, 3)}),
    Play("a settle does not forget what the command's id did before", (*_TWO, turn(moved("receive", 20, 1, **at(A)),
        (0, said("applied"))), turn(of("commit", 20, 10, B), (1, said("committed")), (0, said("committed"))),
        turn(moved("receive", 20, 1, **at(A)), (0, again("applied")))), {A: (9, 0, 4), B: (7, 0, 3)}),
]  # fmt: skip

PLAYS = ORDERS + ENDS
