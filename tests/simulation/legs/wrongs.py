"""Faults that the simulation must find: rules that leave something out, and lanes that publish in another way."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from onhand.deploy.audit.oracle import Decision, Oracle
from onhand.deploy.audit.state import Hold, Memory
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Op
from onhand.schemas.slips import Arrival, Hop, Passed, Settle, Undo
from tests.simulation.legs.engines import Decided, Model, Slip
from tests.simulation.legs.lanes import Lane, Published, Step, Telling


class DecisionsFirst(Lane):
    """Decisions are told before the slips are in the other logs."""

    def steps(self, decided: Decided) -> Iterator[Step]:
        yield from map(Telling, decided.decisions)
        yield from decided.slips
        yield Published(decided.last)


class SlipsNotAgain(Lane):
    """The next owner tells the decisions again, and does not send the slips."""

    def again(self, decided: Decided) -> Iterator[Step]:
        return (step for step in self.steps(decided) if not isinstance(step, Slip))


class OutOfOrder(Lane):
    """What is ahead is published newest batch first."""

    def decide(self, records: Any) -> Decided:
        decided = self.engine.decide(records, self._published)
        self.ahead.extendleft(reversed(list(self.steps(decided))))
        return decided


class SeenApart(Model):
    """The stamps that were seen do not go back with the rest of the state."""

    def put_back(self, saved: Any) -> None:
        seen = self.oracle.seen
        super().put_back(saved)
        self.oracle.seen = seen


class _AtHand(Oracle):
    """Knows which record is at hand."""

    admitted: Admitted

    def _judge(self, admitted: Admitted) -> list[Decision]:
        self.admitted = admitted
        return super()._judge(admitted)

    @property
    def _opened_at_ms(self) -> int | None:
        return getattr(self.admitted.slip, "opened_at_ms", None)


class NothingSeen(Oracle):
    """Copies of slips are told apart by nothing but remembered ids."""

    def _is_first_copy(self, stamp: tuple[int, int, int]) -> bool:
        super()._is_first_copy(stamp)
        return True


class SilentStampsUntold(_AtHand):
    """A command that a leg passes on silently leaves no trace in the decisions."""

    def _judge(self, admitted: Admitted) -> list[Decision]:
        decisions = super()._judge(admitted)
        if not decisions and isinstance(admitted.slip, Passed):
            self.unsaid.clear()
        return decisions


class UndoNotRemembered(_AtHand):
    """What an undo frees leaves nothing under the id."""

    def remember(self, name: str, memory: Memory) -> None:
        if self.admitted.op not in (Op.UNDO_ORDER, Op.UNDO_TRANSFER):
            super().remember(name, memory)


class RefusalNotRemembered(_AtHand):
    """The leg that refuses an order forgets it."""

    def remember(self, name: str, memory: Memory) -> None:
        if self.admitted.op is not Op.ORDER:
            super().remember(name, memory)


class UndoNeedsMemory(_AtHand):
    """A transfer is undone only while its source remembers it."""

    def _judge(self, admitted: Admitted) -> list[Decision]:
        is_forgotten = admitted.op is Op.UNDO_TRANSFER and self.known(admitted.command.id) is None  # type: ignore[union-attr]
        return [] if is_forgotten else super()._judge(admitted)


class RepeatUnmarked(Oracle):
    """A repeat travels as a hop or an arrival like any other."""

    def send(self, to: int, slip: Any, **fields: Any) -> None:
        if slip in (Hop, Arrival):
            fields.pop("repeat", None)
        super().send(to, slip, **fields)


class OpenedNotCompared(_AtHand):
    """Slips are matched by id and body alone."""

    def known(self, name: str) -> Memory | None:
        known = super().known(name)
        if known is None or self._opened_at_ms is None or known.opened_at_ms is None:
            return known
        return known._replace(opened_at_ms=self._opened_at_ms)


class SettledAtOneLeg(Oracle):
    """The home tells one of the other legs how an order ended."""

    def send(self, to: int, slip: Any, **fields: Any) -> None:
        if slip is not Settle or not self.forwards:
            super().send(to, slip, **fields)


class UndoneAtOneLeg(Oracle):
    """A refusal is undone at one of the legs before."""

    def send(self, to: int, slip: Any, **fields: Any) -> None:
        if slip is not Undo or not self.forwards:
            super().send(to, slip, **fields)


class EachLegAHome(Oracle):
    """Every leg ends what it holds by itself."""

    def hold(self, name: str, hold: Hold) -> None:
        super().hold(name, hold._replace(order=hold.order and hold.order._replace(home=None)))


class NeverTooLate(_AtHand):
    """A hop that comes after the expiry is decided as if in time."""

    def _judge(self, admitted: Admitted) -> list[Decision]:
        slip = admitted.slip
        if not isinstance(slip, Hop) or slip.expires_at_ms is None or slip.expires_at_ms > self.clock:
            return super()._judge(admitted)
        decisions = super()._judge(replace(admitted, slip=replace(slip, expires_at_ms=self.clock + 1)))
        return [decision | {"expires_at_ms": slip.expires_at_ms} for decision in decisions]


class StaleByAge(_AtHand):
    """A transfer's slip that comes more than a window late is taken for a copy, and dropped."""

    def _judge(self, admitted: Admitted) -> list[Decision]:
        late = isinstance(admitted.slip, Arrival) and admitted.slip.opened_at_ms + self.window_ms < self.clock
        return [] if late else super()._judge(admitted)


LANES: tuple[type[Lane], ...] = (DecisionsFirst, SlipsNotAgain, OutOfOrder)
RULES: tuple[type[Oracle], ...] = (
    NothingSeen, SilentStampsUntold, UndoNotRemembered, RefusalNotRemembered, UndoNeedsMemory, RepeatUnmarked,
    OpenedNotCompared, SettledAtOneLeg, UndoneAtOneLeg, EachLegAHome, NeverTooLate, StaleByAge,
)  # fmt: skip
