"""A lane: the owner of a partition, step by step, so that it can end between any two of them."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from onhand.deploy.audit.oracle import Decision
from tests.gate_driver import Record
from tests.simulation.legs.engines import Decided, Engine, Slip


class Telling(NamedTuple):
    """To be appended to the partition's decisions."""

    decision: Decision


class Published(NamedTuple):
    """All of the batch that ends there is out."""

    last: int


Step = Slip | Telling | Published


class Lane:
    """Decides batches of its log; then appends their slips, then tells their decisions, then counts them as published, one by one."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ahead: deque[Step] = deque()
        """What it has yet to do."""
        self._published = -1

    def decide(self, records: Sequence[Record]) -> Decided:
        """One call of the rules."""
        decided = self.engine.decide(records, self._published)
        self.ahead.extend(self.steps(decided))
        return decided

    def step(self) -> Slip | Telling | None:
        """The next thing to be appended; None where a batch is out, or all are."""
        match self.ahead.popleft() if self.ahead else None:
            case Published(last):
                self._published = last
                return None
            case step:
                return step

    def recover(self) -> deque[Slip | Telling]:
        """Another owner: publishes again what the state says may be unpublished. Returns what the owner before had yet to append."""
        left = deque(step for step in self.ahead if not isinstance(step, Published))
        self.ahead = deque(step for decided in self.engine.unpublished() for step in self.again(decided))
        self._published = -1
        return left

    def steps(self, decided: Decided) -> Iterator[Step]:
        """How a batch is published."""
        yield from decided.slips
        yield from map(Telling, decided.decisions)
        yield Published(decided.last)

    def again(self, decided: Decided) -> Iterator[Step]:
        """How a batch is published by the next owner: all of it."""
        return self.steps(decided)
