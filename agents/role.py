"""What a role (gate, ledger, router) brings to a worker, and what the worker brings to it."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from onhand.agents.alarms import Alarms
from onhand.agents.inbox import Inbox
from onhand.agents.kafka.logreader import KafkaLog
from onhand.agents.lanes import Work
from onhand.agents.ports import Clock, Publisher
from onhand.agents.probes import Probe
from onhand.agents.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """What every role uses."""

    settings: Settings
    group: str
    """The consumer group that the worker reads in."""
    log: KafkaLog
    publisher: Publisher
    clock: Clock
    probe: Probe


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of worker: what it reads, what its lanes do, where it keeps alarms and watermarks."""

    topic: str
    work: Callable[[int, Inbox], Work]
    alarms: Alarms
    watermark: Callable[[int], Awaitable[int | None]]
    """The last offset of `topic` whose effects the role has stored; None where it knows none. May raise `Retryable`."""
    close: Callable[[], Awaitable[None]]
    breath_s: float = 0.0
    """How long records may gather at the broker before they are read; what is in a hurry reads each at once."""
    watch: Callable[[], Coroutine[Any, Any, None]] | None = None
    """Runs beside the lanes and never ends; what it raises ends the process."""
