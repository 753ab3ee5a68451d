"""Forwards: the slips that a record sends to other partitions.

They follow from the record and its stored outcomes alone, so a recovered lane sends the same again, and whoever receives them drops
what is stamped as seen.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from onhand.agents.gate.of_legs import shorts_of
from onhand.agents.gate.place import Place
from onhand.agents.ports import Message, Record
from onhand.agents.slips import slip_message
from onhand.lua.format import ARRIVAL, CODE, HOLD, HOP, PASS, SETTLE, UNDO
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Transfer
from onhand.schemas.legs import Leg, Order
from onhand.schemas.outcomes import WORDS, Outcome
from onhand.schemas.partitioner import partition_of
from onhand.schemas.slips import Arrival, Hop, Passed, Settle, Slip, Undo

Forwards = dict[int, list[Message]]
"""Slips by the partition that they go to, in order."""


class _Sent(NamedTuple):
    to: int
    key: str | None
    slip: Callable[..., Slip]
    """Wants its stamp yet."""
    fields: dict[str, Any]


def add(told: Forwards, place: Place, record: Record, admitted: Admitted, outcomes: Sequence[Any]) -> None:
    """Put what the outcomes of a record send behind what is told already."""
    index = count()
    for outcome in outcomes:
        make = _SLIPS.get(outcome[CODE])
        for sent in make(place, admitted, outcome[HOLD]) if make else ():
            stamp = place.partition, record.offset, next(index)
            slip = sent.slip(**sent.fields, stamp=stamp)
            told.setdefault(sent.to, []).append(slip_message(place.keyring, record, sent.key, slip))


def _pass(place: Place, admitted: Admitted, data: Any) -> Iterator[_Sent]:
    """The command itself, to the first leg of its order, or to the home of the hold that it names."""
    home, opened_at_ms = data
    command: Any = admitted.command
    if admitted.to is not None:
        yield _Sent(admitted.to, command.position, Passed, {"command": command})
    else:
        yield _Sent(home, command.position, Passed, {"command": command, "opened_at_ms": opened_at_ms})


def _hop(place: Place, admitted: Admitted, data: Any) -> Iterator[_Sent]:
    opened_at_ms, expires_at_ms, repeat = data
    route, order = admitted.route, admitted.command
    assert route is not None
    following = route.legs[route.at + 1]
    fields = {"order": order, "opened_at_ms": opened_at_ms, "expires_at_ms": expires_at_ms, "repeat": repeat}
    yield _Sent(following.partition, _key(following), Hop, fields)


def _arrival(place: Place, admitted: Admitted, data: Any) -> Iterator[_Sent]:
    opened_at_ms, repeat = data
    transfer = admitted.command
    assert type(transfer) is Transfer
    to = partition_of(transfer.destination, place.partitions)
    fields = {"transfer": transfer, "opened_at_ms": opened_at_ms, "repeat": repeat}
    yield _Sent(to, transfer.destination, Arrival, fields)


def _undo(place: Place, admitted: Admitted, data: Any) -> Iterator[_Sent]:
    """To every leg before, or to the source of a transfer."""
    code, opened_at_ms, short = data
    command: Any = admitted.command
    fields = {"command": command, "opened_at_ms": opened_at_ms, "outcome": WORDS[code]}
    if short:
        fields["short"] = tuple(shorts_of(short))
    if type(command) is Order:
        assert admitted.route is not None
        for leg in admitted.route.legs[: admitted.route.at]:
            yield _Sent(leg.partition, _key(leg), Undo, fields)
    else:
        yield _Sent(partition_of(command.position, place.partitions), command.position, Undo, fields)


def _settle(place: Place, admitted: Admitted, data: Any) -> Iterator[_Sent]:
    reservation_id, order, opened_at_ms, code, expires_at_ms, others = data
    command = None if code == Outcome.EXPIRED else admitted.command
    fields = {"reservation_id": reservation_id, "order": order, "opened_at_ms": opened_at_ms, "command": command}
    if expires_at_ms is not False:
        fields["expires_at_ms"] = expires_at_ms
    for partition in others:
        yield _Sent(partition, None, Settle, fields)


def _key(leg: Leg) -> str:
    return leg.lines[0].position


_SLIPS: dict[int, Callable[[Place, Admitted, Any], Iterator[_Sent]]] = {
    PASS: _pass, HOP: _hop, ARRIVAL: _arrival, UNDO: _undo, SETTLE: _settle,
}  # fmt: skip
