"""What the reference model's state is made of."""

from typing import NamedTuple

from onhand.schemas.outcomes import Outcome


class Stock(NamedTuple):
    """The numbers of a position, in units; one that was never touched has zeros."""

    available: int = 0
    reserved: int = 0
    version: int = 0

    @property
    def total(self) -> int:
        """All that is there."""
        return self.available + self.reserved


class Hold(NamedTuple):
    """An active reservation. `body` is the hash of the reserve that made it."""

    position: str
    quantity: int
    expires_at_ms: int
    body: int
    channel: str | None
    order_id: str | None


class Memory(NamedTuple):
    """What was done under an id. `ended` and `position` only for a reservation: how it ended, and where."""

    body: int
    outcome: Outcome
    quantity: int | None
    ended: Outcome | None = None
    position: str | None = None
