"""Orders: a reserve over several positions, leg after leg by ascending partition; the last leg is the order's home."""

from collections.abc import Sequence
from typing import Any

from onhand.deploy.audit.oracle.desk import Decision, Desk, echo, whose
from onhand.deploy.audit.state import Hold, Memory, OfOrder, Short, Use
from onhand.schemas import slips
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Op
from onhand.schemas.faults import Corrupt
from onhand.schemas.legs import LegLine, Order, Route
from onhand.schemas.outcomes import Outcome
from onhand.schemas.positions import split_position
from onhand.schemas.slips import Hop, Undo


def pass_on(desk: Desk, admitted: Admitted) -> list[Decision]:
    """An order that stands where its first line belongs, and begins elsewhere."""
    assert admitted.to is not None
    desk.send(admitted.to, Hop, order=_order(admitted))
    return []


def order(desk: Desk, admitted: Admitted) -> list[Decision]:
    """An order at one of its legs: from its client at the first, as a hop at the others."""
    return _AtLeg(desk, admitted).decide()


def undo(desk: Desk, admitted: Admitted) -> list[Decision]:
    """A later leg refused the order: what this one holds goes back, and the refusal is remembered."""
    slip: Any = admitted.slip
    name, use = slip.command.id, Use(admitted.body, slip.opened_at_ms)
    hold = desk.holds.get(name)
    if hold is None or hold.use != use:
        raise Corrupt(f"an undo of {name} finds no hold of that use")
    desk.let_go(name, hold, sold=False)
    short = tuple(Short(**line.told()) for line in slip.short or ())
    refused = Outcome.of_word(slip.outcome)
    desk.remember(name, Memory(use.body, refused, None, opened_at_ms=use.opened_at_ms, short=short))
    more = {"reservation_id": name, "reason": "order_refused"} | whose(hold)
    more |= use.told(refused=slip.outcome, short=[line._asdict() for line in short] or None)
    told = Outcome.RELEASED
    return [desk.tell("release", told, at, units, line, complete=False) | more for at, units, line in hold.lines]


class _AtLeg:
    """One order at one leg."""

    def __init__(self, desk: Desk, admitted: Admitted) -> None:
        assert admitted.route is not None
        self.desk = desk
        self.order = _order(admitted)
        self.route: Route = admitted.route
        self.lines = admitted.route.leg.lines
        slip = admitted.slip
        self.hop = slip if isinstance(slip, Hop) and slip.opened_at_ms is not None else None
        self.is_repeat = self.hop is not None and self.hop.repeat
        self.use = Use(admitted.body, self.hop.opened_at_ms or 0 if self.hop else desk.clock)
        self.expires_at_ms = self.hop.expires_at_ms or 0 if self.hop else desk.clock + self.order.ttl_ms

    def decide(self) -> list[Decision]:
        """The first rung that applies."""
        known = self.desk.known(self.order.id)
        if known is not None and not self._is_same_use(known):
            return [self._id_reused()]
        hold = self.desk.holds.get(self.order.id)
        if hold is not None:
            return self._reserved_again(hold)
        if known is not None:
            return [self._told_before(known)]
        if self.is_repeat:
            return [self._tell(Outcome.UNKNOWN_RESERVATION, self.lines[0], None) | {"replayed": True}]
        if self.hop is not None and self.desk.clock >= self.expires_at_ms:
            return [self._refuse(Outcome.ALREADY_EXPIRED, self.lines[0])]
        short = [line for line in self.lines if self.desk.at(line.position).available < line.units]
        if short:
            return [self._refuse(Outcome.INSUFFICIENT_STOCK, short[0], tuple(map(self._short, short)))]
        return self._reserve()

    def _is_same_use(self, known: Memory) -> bool:
        """A client does not know when its order was opened."""
        if known.body != self.use.body:
            return False
        return self.hop is None or known.opened_at_ms == self.use.opened_at_ms

    def _reserve(self) -> list[Decision]:
        desk, order, legs = self.desk, self.order, [leg.partition for leg in self.route.legs]
        for position, units, _ in self.lines:
            desk.change(position, available=-units, reserved=units)
        home, others = (None, tuple(legs[:-1])) if self.route.is_last else (self.route.home, ())
        part = OfOrder(self.use.opened_at_ms, home, tuple(self.lines), others)
        at, units, _ = self.lines[0]
        hold = Hold(at, units, self.expires_at_ms, self.use.body, order.channel, order.order_id, part)
        desk.hold(order.id, hold)
        more = {"expires_at_ms": self.expires_at_ms} | self.use.told(home=self.route.home, legs=legs)
        return self._reserved(hold, more)

    def _reserved_again(self, hold: Hold) -> list[Decision]:
        return self._reserved(hold, {"replayed": True, "expires_at_ms": hold.expires_at_ms})

    def _reserved(self, hold: Hold, more: Decision) -> list[Decision]:
        """Each line is told as it is held (a repeat may name them in another order), the home's last settles it; the next leg is asked."""
        told = [self._tell(Outcome.RESERVED, line, line.units, complete=False) | more for line in hold.lines]
        if self.route.is_last:
            told[-1]["complete"] = True
            return told
        opened_at_ms = hold.order.opened_at_ms if hold.order else 0
        times = {"opened_at_ms": opened_at_ms, "expires_at_ms": hold.expires_at_ms}
        following = self.route.legs[self.route.at + 1].partition
        self.desk.send(following, Hop, order=self.order, **times, repeat="replayed" in more)
        return told

    def _told_before(self, known: Memory) -> Decision:
        """The earlier outcome, at the first line that was short, if that is one of this leg."""
        missing = known.short[0].line if known.short else -1
        line = next((line for line in self.lines if line.line == missing), self.lines[0])
        decision = self._tell(known.outcome, line, line.units) | {"replayed": True}
        return decision | _shortly(known.short)

    def _id_reused(self) -> Decision:
        """Another use has the id: nothing is remembered, but what this one holds goes back."""
        line = self.lines[0]
        decision = self._tell(Outcome.ID_REUSED, line, line.units)
        if self.is_repeat:
            return decision | {"replayed": True}
        self._undo(Outcome.ID_REUSED)
        return decision

    def _refuse(self, outcome: Outcome, line: LegLine, short: tuple[Short, ...] = ()) -> Decision:
        """For good: the same id answers the same."""
        memory = Memory(self.use.body, outcome, None, opened_at_ms=self.use.opened_at_ms, short=short)
        self.desk.remember(self.order.id, memory)
        self._undo(outcome, short)
        return self._tell(outcome, line, line.units) | _shortly(short) | self.use.told()

    def _undo(self, outcome: Outcome, short: tuple[Short, ...] = ()) -> None:
        """What every leg before holds goes back."""
        lines = tuple(slips.Short(**line._asdict()) for line in short) or None
        for leg in self.route.legs[: self.route.at]:
            refusal = {"outcome": outcome.word, "short": lines}
            self.desk.send(leg.partition, Undo, command=self.order, opened_at_ms=self.use.opened_at_ms, **refusal)

    def _short(self, line: LegLine) -> Short:
        sku_id, warehouse_id = split_position(line.position)
        return Short(line.line, sku_id, warehouse_id, line.units, self.desk.at(line.position).available)

    def _tell(self, outcome: Outcome, line: LegLine, quantity: int | None, complete: bool = True) -> Decision:
        decision = self.desk.tell("reserve", outcome, line.position, quantity, line.line, complete)
        return decision | echo(Op.ORDER, self.order, outcome)


def _order(admitted: Admitted) -> Order:
    assert isinstance(admitted.command, Order)
    return admitted.command


def _shortly(short: Sequence[Short]) -> Decision:
    return {"short": [line._asdict() for line in short]} if short else {}
