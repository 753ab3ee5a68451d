"""Forwards: the slips that a record sends to other partitions.

They follow from the record and its stored outcomes alone, so a recovered lane sends the same again, and whoever receives them drops
what is stamped as seen.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from onhand.agents.gate.of_legs import opened_at, shorts_of
from onhand.agents.gate.place import Place
from onhand.agents.ports import Message, Record
from onhand.agents.slips import slip_message
from onhand.lua.format import ARRIVAL, CLOCK_MS, CODE, EXPIRES_AT_MS, HOLD, HOP, PASS, SETTLE, UNDO
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Transfer
from onhand.schemas.legs import Leg, Order
from onhand.schemas.outcomes import WORDS, Outcome
from onhand.schemas.partitioner import partition_of
from onhand.schemas.slips import Arrival, Hop, Passed, Settle, Slip, Undo

Forwards = dict[int, list[Message]]
"""Slips by the partition that they go to, in order."""


class Stamps:
    """Stamps of a record's slips, in order."""

    def __init__(self, partition: int, offset: int) -> None:
        self._partition = partition
        self._offset = offset
        self._index = -1

    def next(self) -> tuple[int, int, int]:
        """The next one."""
        self._index += 1
        return self._partition, self._offset, self._index


_Sent = tuple[int, str | None, Slip]
"""Where a slip goes, under which key."""


def add(
    told: Forwards, place: Place, record: Record, admitted: Admitted, outcome: Sequence[Any], stamps: Stamps
) -> None:
    """Put what an outcome of a record sends behind what is told already."""
    for sent in _SLIPS[outcome[CODE]](place, admitted, outcome, stamps):
        _put(told, place, record, sent)


def _pass(place: Place, admitted: Admitted, outcome: Sequence[Any], stamps: Stamps) -> Iterator[_Sent]:
    """An order to its first leg, or a command to the home of the hold that it names."""
    command: Any = admitted.command
    if admitted.to is not None:
        yield admitted.to, command.position, Hop(order=command, stamp=stamps.next(), to=admitted.to)
    else:
        home, opened_at_ms = outcome[HOLD]
        passed = Passed(command=command, opened_at_ms=opened_at_ms, stamp=stamps.next(), to=home)
        yield home, command.position, passed


def add_hop(
    told: Forwards, place: Place, record: Record, admitted: Admitted, outcome: Sequence[Any], stamps: Stamps
) -> None:
    """The same of an order that goes on to its next leg; `outcome` is that of its last line at this one."""
    sent = _to_next_leg(admitted, opened_at(admitted, outcome[CLOCK_MS]), outcome[EXPIRES_AT_MS], False, stamps)
    _put(told, place, record, sent)


def _put(told: Forwards, place: Place, record: Record, sent: _Sent) -> None:
    to, key, slip = sent
    told.setdefault(to, []).append(slip_message(place.keyring, record, key, slip))


def _hop(place: Place, admitted: Admitted, outcome: Sequence[Any], stamps: Stamps) -> Iterator[_Sent]:
    """A repeat, which changes nothing there either."""
    opened_at_ms, expires_at_ms = outcome[HOLD]
    yield _to_next_leg(admitted, opened_at_ms, expires_at_ms, True, stamps)


def _to_next_leg(admitted: Admitted, opened_at_ms: int, expires_at_ms: int, repeat: bool, stamps: Stamps) -> _Sent:
    route, order = admitted.route, admitted.command
    assert route is not None
    assert type(order) is Order
    following = route.legs[route.at + 1]
    to = following.partition
    hop = Hop(
        order=order, opened_at_ms=opened_at_ms, expires_at_ms=expires_at_ms, repeat=repeat, stamp=stamps.next(), to=to
    )
    return to, _key(following), hop


def _arrival(place: Place, admitted: Admitted, outcome: Sequence[Any], stamps: Stamps) -> Iterator[_Sent]:
    opened_at_ms, repeat = outcome[HOLD]
    transfer = admitted.command
    assert type(transfer) is Transfer
    to = partition_of(transfer.destination, place.partitions)
    slip = Arrival(transfer=transfer, opened_at_ms=opened_at_ms, repeat=repeat, stamp=stamps.next(), to=to)
    yield to, transfer.destination, slip


def _undo(place: Place, admitted: Admitted, outcome: Sequence[Any], stamps: Stamps) -> Iterator[_Sent]:
    """To every leg before, or to the source of a transfer."""
    code, opened_at_ms, flat = outcome[HOLD]
    command: Any = admitted.command
    refusal, short = WORDS[code], tuple(shorts_of(flat)) if flat else None
    if type(command) is Order:
        assert admitted.route is not None
        to = [(leg.partition, _key(leg)) for leg in admitted.route.legs[: admitted.route.at]]
    else:
        to = [(partition_of(command.position, place.partitions), command.position)]
    for partition, key in to:
        stamp = stamps.next()
        slip = Undo(command=command, opened_at_ms=opened_at_ms, outcome=refusal, short=short, stamp=stamp, to=partition)
        yield partition, key, slip


def _settle(place: Place, admitted: Admitted, outcome: Sequence[Any], stamps: Stamps) -> Iterator[_Sent]:
    reservation_id, order, opened_at_ms, code, expires_at_ms, others = outcome[HOLD]
    command: Any = None if code == Outcome.EXPIRED else admitted.command
    for partition in others:
        slip = Settle(
            reservation_id=reservation_id, order=order, opened_at_ms=opened_at_ms, command=command,
            expires_at_ms=None if expires_at_ms is False else expires_at_ms, stamp=stamps.next(), to=partition,
        )  # fmt: skip
        yield partition, None, slip


def _key(leg: Leg) -> str:
    return leg.lines[0].position


_SLIPS: dict[int, Callable[[Place, Admitted, Sequence[Any], Stamps], Iterator[_Sent]]] = {
    PASS: _pass, HOP: _hop, ARRIVAL: _arrival, UNDO: _undo, SETTLE: _settle,
}  # fmt: skip
