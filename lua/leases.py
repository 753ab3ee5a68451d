"""Leases of this process: what a lock gives, why it is not given, and who of this process asks the nodes about a position."""

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from onhand.schemas.faults import Retryable


class Taken(Exception):
    """Somebody else holds the lock of a position."""

    def __init__(self, position: str, holder: str) -> None:
        super().__init__(f"{position} is locked by {holder}")
        self.position, self.holder = position, holder


class NoQuorum(Retryable):
    """Too few nodes answer, or too slowly, to know that nobody else holds the lock; so it is not given."""


class Lease:
    """What `Locks.hold` gives. `locked`: whether there are locks at all; without nodes the work goes on without."""

    def __init__(self, positions: Iterable[str], value: str, locked: bool, clock_ms: Callable[[], int]) -> None:
        self.positions = sorted(set(positions))
        self.value = value
        self.locked = locked
        self.until_ms = -math.inf if locked else math.inf
        self._clock_ms = clock_ms

    @property
    def keys(self) -> list[str]:
        """As the nodes know it, in the order in which everybody asks for them."""
        return [f"lock:inv:{position}" for position in self.positions]

    @property
    def held(self) -> bool:
        """False once it ran out or was lost, for good. Ask before each step that another holder should not meet."""
        return self._clock_ms() < self.until_ms


Refusal = Taken | NoQuorum


@dataclass(slots=True, eq=False)
class _Claim:
    lease: Lease
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: Refusal | None = None


class Turns:
    """Of those in this process that want a position, one at a time asks the nodes; the others hear what came of it.

    If all of a burst asked, they would split the nodes among them, so that nobody got the lock, and would wait for each other's
    answers until nodes that are well counted as away.
    """

    def __init__(self) -> None:
        self._claims: dict[str, _Claim] = {}

    async def claim(self, lease: Lease) -> Refusal | None:
        """None: it is this lease's turn, until `end`. Else why it cannot have its positions now."""
        while found := self._in_the_way(lease):
            position, claim = found
            await claim.decided.wait()
            if refusal := _refusal_by(claim, lease, position):
                return refusal
        self._claims |= dict.fromkeys(lease.positions, _Claim(lease))
        return None

    def claims(self, lease: Lease) -> bool:
        """Whether it has its turn."""
        return self._claim_of(lease) is not None

    def won(self, lease: Lease) -> None:
        """The nodes gave it."""
        if claim := self._claim_of(lease):
            claim.decided.set()

    def end(self, lease: Lease, refusal: Refusal | None) -> None:
        """It was let go, or the nodes refused it so."""
        if claim := self._claim_of(lease):
            self._claims = {position: other for position, other in self._claims.items() if other is not claim}
            claim.refusal = refusal
            claim.decided.set()

    def _in_the_way(self, lease: Lease) -> tuple[str, _Claim] | None:
        """Not one whose lease was lost, though its work goes on: what holds then only the nodes know."""
        for position in lease.positions:
            claim = self._claims.get(position)
            if claim and (claim.lease.held or not claim.decided.is_set()):
                return position, claim
        return None

    def _claim_of(self, lease: Lease) -> _Claim | None:
        claims = (self._claims.get(position) for position in lease.positions)
        return next((claim for claim in claims if claim and claim.lease is lease), None)


def _refusal_by(claim: _Claim, lease: Lease, position: str) -> Refusal | None:
    """Why what came of that claim refuses this lease too, if it does. Each gets an exception of its own to raise."""
    match claim.refusal:
        case NoQuorum() as fault:
            return NoQuorum(*fault.args)
        case Taken() as taken if taken.position in lease.positions:
            return Taken(taken.position, taken.holder)
        case None if claim.lease.held:
            return Taken(position, holder_of(claim.lease.value))
    return None


def holder_of(value: str) -> str:
    """The holder in a lock's value, ``holder:random``."""
    return value.rpartition(":")[0]
