"""Transfers: units leave their source, and come to their destination at once (`instant`) or as they arrive (`dispatch`)."""

from typing import Any

from onhand.deploy.audit.oracle.desk import Decision, Desk, echo, given
from onhand.deploy.audit.state import Memory, Open, Use
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Op, Transfer
from onhand.schemas.outcomes import Outcome
from onhand.schemas.partitioner import partition_of
from onhand.schemas.positions import MAX_LEVEL
from onhand.schemas.slips import Arrival, Undo


def transfer(desk: Desk, admitted: Admitted) -> list[Decision]:
    """At the source."""
    wish = _wish(admitted)
    known = desk.known(wish.id)
    if known is not None and known.body != admitted.body:
        return [_tell(desk, wish, Outcome.ID_REUSED, 0)]
    if known is not None:
        return [_again(desk, wish, known)]
    if _is_here(desk, wish) and wish.mode == "instant" and _is_too_much(desk, wish.destination, wish.quantity):
        return [_tell(desk, wish, Outcome.LIMIT_EXCEEDED, 1)]
    if desk.at(wish.position).available < wish.quantity:
        return [_tell(desk, wish, Outcome.INSUFFICIENT_STOCK, 0)]
    use = Use(admitted.body, desk.clock)
    desk.change(wish.position, available=-wish.quantity)
    desk.remember(wish.id, _done(use, Outcome.APPLIED))
    told = [_tell(desk, wish, Outcome.APPLIED, 0, complete=wish.mode == "dispatch") | use.told()]
    if _is_here(desk, wish):
        return [*told, _take_in(desk, wish, use)]
    desk.send(partition_of(wish.destination, desk.partitions), Arrival, transfer=wish, opened_at_ms=use.opened_at_ms)
    return told


def arrival(desk: Desk, admitted: Admitted) -> list[Decision]:
    """At the destination, in another partition."""
    slip: Any = admitted.slip
    wish, use = _wish(admitted), Use(admitted.body, slip.opened_at_ms)
    is_instant = wish.mode == "instant"
    known = desk.known(wish.id)
    if known is not None and (known.body, known.opened_at_ms) != use:
        return [_refuse(desk, wish, use, Outcome.ID_REUSED, slip.repeat)]
    if known is not None or slip.repeat:
        outcome = known.outcome if known is not None else Outcome.UNKNOWN_TRANSFER
        awaited = not is_instant or wish.id in desk.opens
        told = _tell(desk, wish, outcome, 1, 0 if awaited else None, complete=is_instant)
        return [told | {"replayed": True}]
    if is_instant and _is_too_much(desk, wish.destination, wish.quantity):
        desk.remember(wish.id, _done(use, Outcome.LIMIT_EXCEEDED))
        return [_refuse(desk, wish, use, Outcome.LIMIT_EXCEEDED) | use.told()]
    if is_instant:
        desk.remember(wish.id, _done(use, Outcome.APPLIED))
    return [_take_in(desk, wish, use)]


def undo(desk: Desk, admitted: Admitted) -> list[Decision]:
    """The destination refused it: the units go back to the source, whatever is remembered there, and whatever the limit says."""
    slip: Any = admitted.slip
    wish, use = _wish(admitted), Use(admitted.body, slip.opened_at_ms)
    desk.change(wish.position, available=wish.quantity)
    known = desk.known(wish.id)
    is_remembered = known is None or (known.body, known.opened_at_ms) == use
    if is_remembered:
        desk.remember(wish.id, _done(use, Outcome.of_word(slip.outcome)))
    decision = desk.tell("transfer", Outcome.APPLIED, wish.position, wish.quantity, complete=False)
    decision |= {"transfer_id": wish.id, "reason": "transfer_refused", "mode": wish.mode}
    decision |= {"source_warehouse": wish.warehouse_id, "dest_warehouse": wish.to_warehouse_id}
    decision |= given(wish, "reference_id")
    return [decision | use.told(refused=slip.outcome if is_remembered else None)]


def arrive(desk: Desk, admitted: Admitted) -> list[Decision]:
    """Units of a dispatched transfer came in; the last of them, if it is final."""
    command: Any = admitted.command
    position, came = admitted.position or "", command.quantity
    on_its_way = desk.opens.get(command.transfer_id)
    if on_its_way is None or on_its_way.destination != position:
        ended = desk.recall(command.transfer_id)
        arrived = ended is not None and ended.ended is Outcome.APPLIED and ended.position == position
        return [desk.say(admitted, Outcome.ALREADY_ARRIVED if arrived else Outcome.UNKNOWN_TRANSFER, came)]
    if came and _is_too_much(desk, position, came):
        return [desk.say(admitted, Outcome.LIMIT_EXCEEDED, came) | _way(on_its_way, command)]
    if came:
        desk.change(position, available=came)
    left = on_its_way.shipped - on_its_way.arrived
    discrepancy = came - left if command.final else max(0, came - left)
    if command.final:
        desk.close(command.transfer_id)
    else:
        desk.open(command.transfer_id, on_its_way._replace(arrived=on_its_way.arrived + min(came, left)))
    desk.remember(command.id, Memory(admitted.body, Outcome.APPLIED, came))
    told = desk.say(admitted, Outcome.APPLIED, came) | _way(on_its_way, command) | on_its_way.use.told()
    return [told | ({"discrepancy": discrepancy, "reason": "transfer_discrepancy"} if discrepancy else {})]


def _wish(admitted: Admitted) -> Transfer:
    assert isinstance(admitted.command, Transfer)
    return admitted.command


def _done(use: Use, outcome: Outcome) -> Memory:
    return Memory(use.body, outcome, None, opened_at_ms=use.opened_at_ms)


def _is_here(desk: Desk, wish: Transfer) -> bool:
    return partition_of(wish.destination, desk.partitions) == desk.partition


def _is_too_much(desk: Desk, position: str, coming: int) -> bool:
    return desk.at(position).total + coming > MAX_LEVEL


def _again(desk: Desk, wish: Transfer, known: Memory) -> Decision:
    """The earlier outcome at the source. What became of an instant transfer is for its destination to say, if it came so far."""
    goes_on = wish.mode == "instant" and known.outcome.done and not _is_here(desk, wish)
    if goes_on:
        to = partition_of(wish.destination, desk.partitions)
        desk.send(to, Arrival, transfer=wish, opened_at_ms=known.opened_at_ms, repeat=True)
    return _tell(desk, wish, known.outcome, 0, complete=not goes_on) | {"replayed": True}


def _take_in(desk: Desk, wish: Transfer, use: Use) -> Decision:
    """At the destination: all of it at once, or it is awaited."""
    if wish.mode == "instant":
        desk.change(wish.destination, available=wish.quantity)
        return _tell(desk, wish, Outcome.APPLIED, 1) | use.told()
    desk.open(wish.id, Open(*use, wish.quantity, 0, wish.position, wish.destination))
    return _tell(desk, wish, Outcome.APPLIED, 1, 0, complete=False) | use.told(units=wish.quantity)


def _refuse(desk: Desk, wish: Transfer, use: Use, outcome: Outcome, is_repeat: bool = False) -> Decision:
    """At the destination. A dispatch was told complete at its source."""
    told = _tell(desk, wish, outcome, 1, complete=wish.mode == "instant")
    if is_repeat:
        return told | {"replayed": True}
    source = partition_of(wish.position, desk.partitions)
    desk.send(source, Undo, command=wish, opened_at_ms=use.opened_at_ms, outcome=outcome.word)
    return told


def _tell(
    desk: Desk, wish: Transfer, outcome: Outcome, line: int, quantity: int | None = None, complete: bool = True
) -> Decision:
    """Line 0 is the source, 1 the destination; all units, unless a quantity is given."""
    position = wish.destination if line else wish.position
    units = wish.quantity if quantity is None else quantity
    decision = desk.tell("transfer", outcome, position, units, line, complete) | echo(Op.TRANSFER, wish, outcome)
    decision |= {"transfer_id": wish.id, "source_warehouse": wish.warehouse_id, "dest_warehouse": wish.to_warehouse_id}
    return decision | given(wish, "mode", "expected_at_ms")


def _way(on_its_way: Open, command: Any) -> Decision:
    """From where to where a transfer goes, and whether this is all of it."""
    source, destination = (int(at.rpartition(":")[2]) for at in (on_its_way.source, on_its_way.destination))
    return {"source_warehouse": source, "dest_warehouse": destination, "final": command.final}
