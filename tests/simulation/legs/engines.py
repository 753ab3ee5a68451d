"""By which rules a lane decides, and what survives a lane: the state of a partition, which may go back as a whole."""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from onhand.deploy.audit.oracle import Decision, Oracle
from onhand.schemas.faults import Corrupt
from tests.gate_driver import Record
from tests.simulation.legs.places import Broken


class Slip(NamedTuple):
    """To be appended to the log of partition `to`."""

    to: int
    value: bytes


class Decided(NamedTuple):
    """What a batch of records came to; `last` is the offset of its last one."""

    last: int
    slips: list[Slip]
    decisions: list[Decision]


class Engine(Protocol):
    """A partition's state and rules. What is saved is never changed, and may be put back more than once."""

    oracle: Oracle

    @property
    def mark(self) -> int:
        """The offset of the last record that was decided."""
        ...

    def decide(self, records: Sequence[Record], published: int) -> Decided:
        """Decides the next records. Batches up to the offset `published` need not be kept any more."""
        ...

    def unpublished(self) -> list[Decided]:
        """What the state says may not have been published, oldest first."""
        ...

    def save(self) -> Any: ...
    def put_back(self, saved: Any) -> None: ...


class Model:
    """The reference model alone. A record that is decided again, from an earlier state, must come to the same."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self._kept: tuple[Decided, ...] = ()
        self._first: list[tuple[list[Decision], list[Slip]]] = []

    @property
    def mark(self) -> int:
        """As `Engine.mark`."""
        return self.oracle.offset

    def decide(self, records: Sequence[Record], published: int) -> Decided:
        """As `Engine.decide`."""
        decided = Decided(records[-1].offset, [], [])
        for record in records:
            decisions, slips = self._decide(record)
            decided.slips.extend(slips)
            decided.decisions.extend(decisions)
        self._kept = (*(kept for kept in self._kept if kept.last > published), decided)
        return decided

    def unpublished(self) -> list[Decided]:
        """As `Engine.unpublished`."""
        return list(self._kept)

    def save(self) -> tuple[Oracle, tuple[Decided, ...]]:
        """As `Engine.save`."""
        return twin(self.oracle), self._kept

    def put_back(self, saved: tuple[Oracle, tuple[Decided, ...]]) -> None:
        """As `Engine.put_back`."""
        oracle, self._kept = saved
        self.oracle = twin(oracle)

    def _decide(self, record: Record) -> tuple[list[Decision], list[Slip]]:
        try:
            decisions = self.oracle.decide(record.offset, record.timestamp, None, record.value, list(record.headers))
        except Corrupt as impossible:
            raise Broken(f"offset {record.offset} of {self.oracle.partition}: {impossible}") from impossible
        outcome = decisions, [Slip(*forward) for forward in self.oracle.forwards]
        if record.offset < len(self._first):
            if outcome != self._first[record.offset]:
                raise Broken(f"decided again it differs: {self._first[record.offset]} was {outcome}")
        else:
            self._first.append(outcome)
            _meets_nothing_of_its_own(record.value or b"", decisions)
        return outcome


def _meets_nothing_of_its_own(value: bytes, decisions: list[Decision]) -> None:
    """A hop or an arrival that is no repeat, of a use that was opened, never finds that: first copies come once and in order."""
    is_first = b'"opened_at_ms"' in value and b'"repeat":true' not in value
    is_first &= b'"type":"hop"' in value or b'"type":"arrival"' in value
    if is_first and any(decision.get("replayed") for decision in decisions):
        raise Broken(f"a first slip met its own use: {value!r} {decisions}")


def twin(oracle: Oracle) -> Oracle:
    """A copy that shares only what never changes: what is in the containers of an oracle's state is immutable."""
    other = copy.copy(oracle)
    for name, value in vars(oracle).items():
        if isinstance(value, dict):
            setattr(other, name, {key: dict(v) if isinstance(v, dict) else v for key, v in value.items()})
        elif isinstance(value, list):
            setattr(other, name, list(value))
    return other
