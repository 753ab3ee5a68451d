"""Whom a decision about one position is about: what it repeats of its command, or of the hold that ended by itself."""

from typing import Any

from onhand.agents.gate.of_legs import More, Who, Whose
from onhand.lua.format import HOLD_CHANNEL, HOLD_ID, HOLD_ORDER_ID, HOLD_POSITION
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Arrive, Op, Release, Reserve, SetReorder, Ship
from onhand.schemas.outcomes import Outcome
from onhand.schemas.slips import Unplaced

Subject = tuple[str | None, Who, Whose, More]
"""Position, and the fields but for the numbers and the line."""


def subject(admitted: Admitted, code: int, hold: Any) -> Subject:
    """Of an outcome that is about one position or none; `hold` as the script tells it, False where there is none."""
    command: Any = admitted.command
    if type(command) is Reserve:
        whose = command.channel, command.order_id, command.reference_id
        return admitted.position, ("reserve", command.id, command.id), whose, {}
    if admitted.op is Op.SWEEP:
        return _of_expiry(hold)
    if admitted.op is Op.UNPLACED:
        return _of_unplaced(admitted)
    return _of_invalid(admitted) if command is None else _of_command(admitted, command, code, hold)


def _of_command(admitted: Admitted, command: Any, code: int, hold: Any) -> Subject:
    """Of a reservation that is held, the hold tells channel and order."""
    kind, target, more = type(command), command.target, {}
    channel = order_id = None
    if hold:
        channel, order_id = hold[HOLD_CHANNEL] or None, hold[HOLD_ORDER_ID] or None
    elif kind is Ship:
        channel = command.channel
    elif kind is SetReorder and code == Outcome.APPLIED:
        more = {"reorder_point": command.reorder_point, "reorder_quantity": command.reorder_quantity}
    elif kind is Arrive:
        target, more = None, {"transfer_id": target}
    if kind is Release:
        more["reason"] = command.reason
    return admitted.position, (command.type, command.id, target), (channel, order_id, command.reference_id), more


def _of_expiry(hold: Any) -> Subject:
    """The decision that ends a hold has the hold's own id: nobody sent a command."""
    id = hold[HOLD_ID]
    return hold[HOLD_POSITION], ("expire", id, id), (hold[HOLD_CHANNEL] or None, hold[HOLD_ORDER_ID] or None, None), {}


def _of_unplaced(admitted: Admitted) -> Subject:
    """Of a reservation that nobody could find."""
    slip = admitted.slip
    assert type(slip) is Unplaced
    return admitted.position, (slip.verb, slip.id, slip.reservation_id), (None, None, slip.reference_id), {}


def _of_invalid(admitted: Admitted) -> Subject:
    """What was well-formed of a record that was no command, and what was not."""
    echo = admitted.echo
    who = echo.get("type"), echo.get("id"), None
    return admitted.position, who, (None, None, None), {"message": admitted.message}
