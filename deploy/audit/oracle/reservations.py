"""Verbs of reservations: the one-line reserve, and how reservations end. An order's end is decided at its home for all its lines."""

from typing import Any, Never

from onhand.deploy.audit.oracle.desk import Decision, Desk, echo, whose
from onhand.deploy.audit.state import Hold, Memory
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Op
from onhand.schemas.faults import Corrupt
from onhand.schemas.outcomes import Outcome
from onhand.schemas.slips import Passed, Settle, Unplaced

_DONE = {Op.EXTEND: Outcome.EXTENDED, Op.COMMIT: Outcome.COMMITTED, Op.RELEASE: Outcome.RELEASED}
_OPS = {op.name.lower(): op for op in _DONE}
_TOO_LATE = {
    Outcome.COMMITTED: Outcome.ALREADY_COMMITTED,
    Outcome.RELEASED: Outcome.ALREADY_RELEASED,
    Outcome.EXPIRED: Outcome.ALREADY_EXPIRED,
}


def reserve(desk: Desk, admitted: Admitted) -> list[Decision]:
    """Of one position."""
    command: Any = admitted.command
    position, quantity = admitted.position or "", admitted.quantity or 0
    if desk.at(position).available < quantity:
        return [desk.say(admitted, Outcome.INSUFFICIENT_STOCK, quantity)]
    desk.change(position, available=-quantity, reserved=quantity)
    expires = desk.clock + command.ttl_ms
    desk.hold(command.id, Hold(position, quantity, expires, admitted.body, command.channel, command.order_id))
    return [desk.say(admitted, Outcome.RESERVED, quantity) | {"expires_at_ms": expires}]


def end_or_extend(desk: Desk, admitted: Admitted) -> list[Decision]:
    """Commit, release, extend. What is due or not does not matter: the sweep has not come yet."""
    command: Any = admitted.command
    hold, opened_at_ms = desk.holds.get(command.reservation_id), _opened(admitted)
    if hold is None or not _is_meant(hold, admitted.position, opened_at_ms):
        return [_not_held(desk, admitted, opened_at_ms)]
    if hold.order is not None and hold.order.home is not None:
        desk.send(hold.order.home, Passed, command=command, opened_at_ms=hold.order.opened_at_ms)
        return []
    expires = desk.clock + command.ttl_ms if admitted.op is Op.EXTEND else None
    told = _follow(desk, command.reservation_id, hold, admitted.op, command, expires)
    told[-1]["complete"] = True
    desk.remember(command.id, Memory(admitted.body, _DONE[admitted.op], _units_at(hold, admitted.position)))
    _settle_others(desk, command.reservation_id, hold, command=command, expires_at_ms=expires)
    return told


def settle(desk: Desk, admitted: Admitted) -> list[Decision]:
    """Another leg of an order that its home has decided."""
    slip: Any = admitted.slip
    name, command = slip.reservation_id, slip.command
    hold = desk.holds.get(name)
    if hold is None or hold.use != (slip.order, slip.opened_at_ms):
        _impossible(f"a settle of {name} finds no hold of that use")
    if command is None:
        return _expire(desk, name, hold)
    op = _OPS[command.type]
    is_known = desk.known(command.id) is not None
    told = _follow(desk, name, hold, op, command, slip.expires_at_ms)
    if is_known:
        for decision in told:
            del decision["use"]["at"]
    else:
        desk.remember(command.id, Memory(admitted.body, _DONE[op], _units_at(hold, command.position)))
    return told


def sweep(desk: Desk, admitted: Admitted) -> list[Decision]:
    """Ends what is due, until that took `sweep_limit` decisions."""
    told: list[Decision] = []
    while len(told) < desk.sweep_limit and (due := desk.next_due()) is not None:
        told += _expire(desk, *due)
        told[-1]["complete"] = True
        _settle_others(desk, *due)
    return told


def unplaced(desk: Desk, admitted: Admitted) -> list[Decision]:
    """Of a reservation that the router found nowhere."""
    slip = admitted.slip
    assert isinstance(slip, Unplaced)
    decision = desk.tell(slip.verb, Outcome.UNKNOWN_RESERVATION, None, None)
    decision |= {"id": slip.id, "reservation_id": slip.reservation_id}
    return [decision | ({} if slip.reference_id is None else {"reference_id": slip.reference_id})]


def _opened(admitted: Admitted) -> int | None:
    """Which use is meant by a command that another leg passed on to the home."""
    slip = admitted.slip
    return slip.opened_at_ms if type(slip) is Passed else None


def _is_meant(hold: Hold, position: str | None, opened_at_ms: int | None) -> bool:
    """Whether the hold is at the position that is named, or of the use that is named."""
    if opened_at_ms is None:
        return hold.position == position or any(line.position == position for line in hold.lines[1:])
    return hold.is_home and hold.order is not None and hold.order.opened_at_ms == opened_at_ms


def _not_held(desk: Desk, admitted: Admitted, opened_at_ms: int | None) -> Decision:
    command: Any = admitted.command
    ended = desk.recall(command.reservation_id)
    too_late = _TOO_LATE.get(ended.ended) if ended is not None and ended.ended is not None else None
    if ended is None or too_late is None:
        return desk.say(admitted, Outcome.UNKNOWN_RESERVATION, None)
    if opened_at_ms is not None:
        is_meant = ended.opened_at_ms == opened_at_ms
        return desk.say(admitted, too_late if is_meant else Outcome.UNKNOWN_RESERVATION, None)
    line = ended.line_at(admitted.position)
    if line is None:
        return desk.say(admitted, Outcome.UNKNOWN_RESERVATION, None)
    return desk.say(admitted, too_late, line.units) | {"line": line.line}


def _follow(desk: Desk, name: str, hold: Hold, op: Op, command: Any, expires: int | None) -> list[Decision]:
    """The hold ends or is extended, and each of its lines is told."""
    if expires is None:
        desk.end(name, hold, _DONE[op])
    else:
        desk.hold(name, hold._replace(expires_at_ms=expires))
    more = {} if expires is None else {"expires_at_ms": expires}
    return _told(desk, hold, command.type, _DONE[op], echo(op, command, _DONE[op]) | more, command.position)


def _expire(desk: Desk, name: str, hold: Hold) -> list[Decision]:
    desk.end(name, hold, Outcome.EXPIRED)
    return _told(desk, hold, "expire", Outcome.EXPIRED, {"id": name, "reservation_id": name})


def _told(
    desk: Desk, hold: Hold, kind: str, outcome: Outcome, more: Decision, named: str | None = None
) -> list[Decision]:
    """`named`: the position that the command named, which is told of an order."""
    more |= whose(hold)
    if hold.use is not None:
        more |= hold.use.told(at=named)
    return [desk.tell(kind, outcome, at, units, line, complete=False) | more for at, units, line in hold.lines]


def _settle_others(desk: Desk, name: str, hold: Hold, **how: Any) -> None:
    """`how`: by which command; none where it expired."""
    if hold.order is not None:
        use = {"order": hold.body, "opened_at_ms": hold.order.opened_at_ms}
        for partition in hold.order.others:
            desk.send(partition, Settle, reservation_id=name, **use, **how)


def _units_at(hold: Hold, position: str | None) -> int | None:
    if hold.position == position:
        return hold.quantity
    return next((line.units for line in hold.lines[1:] if line.position == position), None)


def _impossible(what: str) -> Never:
    raise Corrupt(what)
