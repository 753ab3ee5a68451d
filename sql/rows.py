"""What the ledger answers. Plain data, like `window`."""

from typing import NamedTuple

from onhand.schemas.faults import Retryable


class Fenced(Retryable):
    """The watermark is not where this window begins: somebody else wrote, or the server was put back.

    The same window must not be tried again; who writes looks where the ledger is (`stored`, its seq) and goes on from there.
    """

    def __init__(self, stored: int | None) -> None:
        super().__init__(f"the ledger is at seq {stored}: the lane must recover")
        self.stored = stored


class VersionMissed(Retryable):
    """Positions are not at the versions that the decisions stand on: an outsider wrote, or is about to."""


class Settings(NamedTuple):
    """What the gate's script reads besides stock, per partition: state of the ledger, like everything it decides by."""

    window_ms: int
    sweep_limit: int
    rules: int


class Crossing(NamedTuple):
    """A position that fell to its reorder point (`low`) or rose above it; `suggested` units to order.

    `reorder_id`: the reorder that the fall triggered; it is told besides.
    """

    low: bool
    position: str
    available: int
    version: int
    reorder_point: int
    suggested: int
    reorder_id: str | None = None


class Reuse(NamedTuple):
    """A hold under an id that was used before; to be undone by a `release`."""

    reservation_id: str
    position: str


class Findings(NamedTuple):
    """What only the write itself could tell; stored with it, so that it is told once more after a crash."""

    crossings: list[Crossing]
    reuses: list[Reuse]


class PartitionRow(NamedTuple):
    """How far the ledger is: all decisions up to `seq`, the last of them of the command at `source_offset`.

    `decisions_offset` is the next to be read in the decisions; `events` and `findings` are the last window's.
    """

    partition: int
    topic_id: str
    seq: int
    source_offset: int
    decisions_offset: int
    clock_ms: int
    settings: Settings
    events: bytes
    findings: Findings


class Level(NamedTuple):
    """A position as it stands in the ledger."""

    position: str
    available: int
    reserved: int
    version: int
    at_ms: int


class Mark(NamedTuple):
    """The short form of `PartitionRow`."""

    seq: int
    decisions_offset: int


class LedgerAlarm(NamedTuple):
    """`stops`: the partition stands still until it is cleared."""

    code: str
    message: str
    offset: int
    stops: bool
