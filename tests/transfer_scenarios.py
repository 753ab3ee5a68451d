"""The scenario table of transfers and counts. FAR goes from partition 0 to 1, NEAR stays in 0."""

from typing import Any

from onhand.schemas.partitioner import partition_of
from tests.legs_scenarios import A, B, Play, at, of, stocked, sweep, turn
from tests.legs_world import PARTITIONS, sku_in
from tests.scenarios import WINDOW_MS, again, command, moved, said, uid


def sku_over(source: int, destination: int) -> str:
    """An SKU that is in those partitions at warehouses 1 and 2."""
    names = (sku_in(source, number) for number in range(100))
    return next(name for name in names if partition_of(f"{name}:2", PARTITIONS) == destination)


FAR, NEAR = sku_over(0, 1), sku_over(0, 0)


def transfer(number: int, sku: str, units: int, **fields: Any) -> dict[str, Any]:
    """From warehouse 1 to warehouse 2."""
    return moved("transfer", number, units, sku_id=sku, warehouse_id=1, to_warehouse_id=2, **fields)


def arrive(number: int, of_transfer: int, units: int, sku: str = FAR, **fields: Any) -> dict[str, Any]:
    """At warehouse 2."""
    return moved("arrive", number, units, sku_id=sku, warehouse_id=2, transfer_id=uid(of_transfer)) | fields


def _opens(*transfers: tuple[int, int, int, int]) -> frozenset[tuple[int, str, int, int]]:
    return frozenset((partition, uid(number), *units) for partition, number, *units in transfers)  # type: ignore[misc]


_FROM, _TO = (FAR, 1), (FAR, 2)
_WAY = {"source_warehouse": 1, "dest_warehouse": 2}
_GONE = turn(transfer(10, FAR, 4, mode="dispatch", expected_at_ms=77, reference_id="r"),
    (0, said("applied", type="transfer", id=uid(10), transfer_id=uid(10), quantity=4, line=0, complete=True, mode="dispatch",
             expected_at_ms=77, reference_id="r", available_qty=6, **at(_FROM), **_WAY)),
    (1, said("applied", id=uid(10), transfer_id=uid(10), quantity=0, line=1, complete=False, version=0, mode="dispatch",
             expected_at_ms=77, reference_id="r", **at(_TO), **_WAY)))  # fmt: skip
_SENT = [*stocked(_FROM), _GONE]
_FULL = [*stocked(_TO, units=1_000_000_000), turn(moved("receive", 31, 1_000_000_000, **at(_TO)), (1, said("applied")))]
_UNDONE = {"type": "transfer", "id": None, "reason": "transfer_refused", "complete": False, "transfer_id": uid(10),
           "line": 0, "quantity": 4} | at(_FROM) | _WAY  # fmt: skip

TRANSFERS = [
    Play("an instant transfer", (*stocked(_FROM), turn(transfer(10, FAR, 4),
        (0, said("applied", line=0, complete=False, quantity=4, total_qty=6, mode="instant", **at(_FROM), **_WAY)),
        (1, said("applied", line=1, complete=True, quantity=4, total_qty=4, transfer_id=uid(10), **at(_TO), **_WAY))),
        turn(transfer(10, FAR, 4), (0, again("applied", line=0, complete=False, quantity=4)),
             (1, again("applied", line=1, complete=True, quantity=4))),
        turn(transfer(10, FAR, 5), (0, said("id_reused", quantity=5, complete=True, line=0)))),
        {_FROM: (6, 0, 2), _TO: (4, 0, 1)}),
    Play("a transfer of more than there is", (*stocked(_FROM), turn(transfer(10, FAR, 11),
        (0, said("insufficient_stock", complete=True, quantity=11, line=0, transfer_id=uid(10)))),
        turn(transfer(10, FAR, 3), (0, said("applied")), (1, said("applied")))), {_FROM: (7, 0, 2), _TO: (3, 0, 1)}),
    Play("a dispatch", (*_SENT, turn(transfer(10, FAR, 4, mode="dispatch"), (0, again("applied", complete=True)))),
        {_FROM: (6, 0, 2), _TO: (0, 0, 0)}, opens=_opens((1, 10, 4, 0))),
    Play("limit_exceeded at the destination", (*stocked(_FROM), *_FULL, turn(transfer(10, FAR, 4),
        (0, said("applied", complete=False)), (1, said("limit_exceeded", complete=True, quantity=4, line=1)),
        (0, said("applied", available_qty=10, **_UNDONE))),
        turn(transfer(10, FAR, 4), (0, again("limit_exceeded", complete=True, line=0, quantity=4)))),
        {_FROM: (10, 0, 3), _TO: (2_000_000_000, 0, 2)}),
    Play("id_reused at the destination", (*stocked(_FROM), turn(moved("receive", 10, 1, **at(_TO)), (1, said("applied"))),
        turn(transfer(10, FAR, 4), (0, said("applied")), (1, said("id_reused", complete=True, line=1, quantity=4)),
             (0, said("applied", **_UNDONE)))), {_FROM: (10, 0, 3), _TO: (1, 0, 1)}),
    Play("id_reused at the destination of a dispatch", (*stocked(_FROM), turn(moved("receive", 10, 1, **at(_TO)),
        (1, said("applied"))), turn(transfer(10, FAR, 4, mode="dispatch"), (0, said("applied", complete=True)),
        (1, said("id_reused", complete=False, quantity=4)), (0, said("applied", **_UNDONE))),
        turn(transfer(10, FAR, 4, mode="dispatch"), (0, again("id_reused", complete=True)))),
        {_FROM: (10, 0, 3), _TO: (1, 0, 1)}),
    Play("an undo whose transfer is forgotten, and its id used again", (*stocked(_FROM), *_FULL,
        turn(transfer(10, FAR, 4), (0, said("applied")), away=(1,)),
        turn(moved("receive", 10, 1, **at(_FROM)), (0, said("applied")), at=2 * WINDOW_MS, away=(1,)),
        sweep(2, (1, said("limit_exceeded")), (0, said("applied", **_UNDONE)), at=2 * WINDOW_MS),
        turn(moved("receive", 10, 1, **at(_FROM)), (0, again("applied")), at=2 * WINDOW_MS)),
        {_FROM: (11, 0, 4), _TO: (2_000_000_000, 0, 2)}),
    Play("a repeat that finds the arrival forgotten", (*stocked(_FROM), turn(transfer(10, FAR, 4), (0, said("applied")),
        (1, said("applied"))), turn(moved("receive", 31, 1, **at(_TO)), (1, said("applied")), at=2 * WINDOW_MS),
        turn(transfer(10, FAR, 4), (0, again("applied")), (1, again("unknown_transfer", complete=True)),
             at=WINDOW_MS)), {_FROM: (6, 0, 2), _TO: (5, 0, 2)}),
    Play("the same id again while the first is on its way", (*_SENT, turn(transfer(10, FAR, 4, mode="dispatch"),
        (0, said("applied")), (1, said("id_reused", complete=False)), (0, said("applied", **_UNDONE)),
        at=2 * WINDOW_MS)), {_FROM: (6, 0, 4), _TO: (0, 0, 0)}, opens=_opens((1, 10, 4, 0))),
    Play("the id of a transfer that is on its way", (*_SENT, turn(moved("receive", 10, 4, **at(_TO)),
        (1, said("id_reused"))), turn(of("commit", 20, 10, _TO), (1, said("unknown_reservation")))),
        {_TO: (0, 0, 0)}, opens=_opens((1, 10, 4, 0))),
    Play("an arrival of all", (*_SENT,
        turn(arrive(20, 10, 4, reference_id="a"), (1, said("applied", type="arrive", id=uid(20), transfer_id=uid(10),
            reference_id="a", quantity=4, total_qty=4, final=True, complete=True, discrepancy=None, reason=None, **_WAY))),
        turn(arrive(20, 10, 4), (1, again("applied", quantity=4))),
        turn(arrive(20, 10, 3), (1, said("id_reused", quantity=3))),
        turn(arrive(21, 10, 4), (1, said("already_arrived", quantity=4, complete=True, final=None))),
        turn(transfer(10, FAR, 4, mode="dispatch"), (0, again("applied", complete=True)))),
        {_FROM: (6, 0, 2), _TO: (4, 0, 1)}),
    Play("arrivals in parts, the last one short", (*_SENT,
        turn(arrive(20, 10, 1, final=False), (1, said("applied", final=False, discrepancy=None))),
        turn(arrive(21, 10, 0, final=False), (1, said("applied", quantity=0, version=1, discrepancy=None))),
        turn(arrive(22, 10, 1), (1, said("applied", discrepancy=-2, reason="transfer_discrepancy", total_qty=2)))),
        {_TO: (2, 0, 2)}),
    Play("an arrival of more than was sent, and more to come", (*_SENT,
        turn(arrive(20, 10, 6, final=False), (1, said("applied", quantity=6, discrepancy=2,
            reason="transfer_discrepancy"))),
        turn(arrive(21, 10, 1, final=False), (1, said("applied", discrepancy=1)))),
        {_TO: (7, 0, 2)}, opens=_opens((1, 10, 4, 4))),
    Play("nothing arrived", (*_SENT, turn(arrive(20, 10, 0), (1, said("applied", quantity=0, discrepancy=-4, version=0,
        reason="transfer_discrepancy"))), turn(arrive(21, 10, 4), (1, said("already_arrived")))), {_TO: (0, 0, 0)}),
    Play("too much arrived at last", (*_SENT, turn(arrive(20, 10, 5), (1, said("applied", discrepancy=1)))),
        {_TO: (5, 0, 1)}),
    Play("unknown_transfer", (*_SENT, turn(arrive(20, 99, 4), (1, said("unknown_transfer", quantity=4, final=None))),
        turn(arrive(21, 10, 4) | at(B), (1, said("unknown_transfer", total_qty=0, source_warehouse=None))),
        turn(arrive(22, 10, 4) | at(_FROM), (0, said("unknown_transfer")))),
        {_TO: (0, 0, 0)}, opens=_opens((1, 10, 4, 0))),
    Play("an arrival of an instant transfer", (*stocked(_FROM), turn(transfer(10, FAR, 4), (0, said("applied")),
        (1, said("applied"))), turn(arrive(20, 10, 4), (1, said("unknown_transfer")))), {_TO: (4, 0, 1)}),
    Play("limit_exceeded by an arrival", (*_SENT, *_FULL, turn(arrive(20, 10, 1),
        (1, said("limit_exceeded", quantity=1, final=True, **_WAY))),
        turn(arrive(20, 10, 0, final=False), (1, said("applied", quantity=0)))),
        {_TO: (2_000_000_000, 0, 2)}, opens=_opens((1, 10, 4, 0))),
]  # fmt: skip

_HERE, _THERE = (NEAR, 1), (NEAR, 2)
WITHIN = [
    Play("an instant transfer within a partition", (*stocked(_HERE), turn(transfer(10, NEAR, 4),
        (0, said("applied", line=0, complete=False, index=0, of=2)), (0, said("applied", line=1, complete=True))),
        turn(transfer(10, NEAR, 4), (0, again("applied", line=0, complete=True)))),
        {_HERE: (6, 0, 2), _THERE: (4, 0, 1)}),
    Play("limit_exceeded within a partition, short too", (*stocked(_THERE, units=1_000_000_000),
        turn(moved("receive", 31, 1_000_000_000, **at(_THERE)), (0, said("applied"))),
        turn(transfer(10, NEAR, 4), (0, said("limit_exceeded", line=1, complete=True, quantity=4, **at(_THERE)))),
        turn(transfer(10, NEAR, 9), (0, said("limit_exceeded", quantity=9)))),
        {_HERE: (0, 0, 0), _THERE: (2_000_000_000, 0, 2)}),
    Play("a dispatch within a partition", (*stocked(_HERE), turn(transfer(10, NEAR, 4, mode="dispatch"),
        (0, said("applied", line=0, complete=True, index=0)), (0, said("applied", line=1, complete=False, quantity=0))),
        turn(transfer(10, NEAR, 4, mode="dispatch"), (0, again("applied", complete=True, line=0)), at=3 * WINDOW_MS),
        turn(arrive(20, 10, 3, NEAR), (0, said("applied", discrepancy=-1))),
        turn(arrive(21, 10, 3, NEAR), (0, said("already_arrived")))), {_HERE: (6, 0, 2), _THERE: (3, 0, 1)}),
    Play("counts", (*stocked(A), turn(command("count", 20, counted_qty=12, **at(A)),
        (0, said("applied", type="count", quantity=2, total_qty=12, version=2))),
        turn(moved("reserve", 21, 5, **at(A)), (0, said("reserved"))),
        turn(command("count", 20, counted_qty=12, **at(A)), (0, again("applied", quantity=2, available_qty=7))),
        turn(command("count", 20, counted_qty=2, **at(A)), (0, said("id_reused", quantity=-10))),
        turn(command("count", 22, counted_qty=4, **at(A)), (0, said("count_below_reserved", quantity=-8))),
        turn(command("count", 22, counted_qty=5, **at(A)), (0, said("applied", quantity=-7, available_qty=0))),
        turn(command("count", 23, counted_qty=5, **at(A)), (0, said("applied", quantity=0, version=4)))),
        {A: (0, 5, 4)}, frozenset({(0, uid(21))})),
    Play("a count where nothing ever was", (turn(command("count", 20, counted_qty=0, **at(A)),
        (0, said("applied", quantity=0, version=0))),), {A: (0, 0, 0)}),
]  # fmt: skip

PLAYS = TRANSFERS + WITHIN
