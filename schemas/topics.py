"""The topics: names, clean-up, retention; and the headers of records that are set aside."""

from dataclasses import dataclass, field
from typing import Literal

COMMANDS = "inventory.commands"
REQUESTS = "inventory.requests"
DECISIONS = "inventory.decisions"
STOCK = "inventory.stock"
LEDGER = "inventory.ledger"
CHANNEL_SYNC = "inventory.channel-sync"
ALERTS = "inventory.alerts"
WEBHOOK_ATTEMPTS = "inventory.webhook-attempts"
DLQ = "inventory.commands.dlq"

DEFAULT_PARTITIONS = 8
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as `onhand topics` makes it. `positioned` topics all have the same partition count."""

    name: str
    cleanup: Literal["delete", "compact"]
    retention_ms: int | None = None
    positioned: bool = True
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, str]:
        """Kafka's topic configuration."""
        config = {"cleanup.policy": self.cleanup} | self.extra
        return config | {"retention.ms": str(self.retention_ms)} if self.retention_ms else config


TOPICS: tuple[Topic, ...] = (
    Topic(COMMANDS, "delete", 8 * _DAY_MS, extra={"message.timestamp.type": "LogAppendTime"}),
    Topic(REQUESTS, "delete", 1 * _DAY_MS, positioned=False),
    Topic(DECISIONS, "delete", 7 * _DAY_MS),
    Topic(STOCK, "compact"),
    Topic(LEDGER, "delete", 7 * _DAY_MS),
    Topic(CHANNEL_SYNC, "compact"),
    Topic(ALERTS, "delete", 30 * _DAY_MS),
    Topic(WEBHOOK_ATTEMPTS, "delete", 7 * _DAY_MS, positioned=False),
    Topic(DLQ, "delete", 30 * _DAY_MS, positioned=False),
)

Headers = list[tuple[str, bytes]]


def dlq_headers(exception: str, message: str, topic: str, partition: int, offset: int) -> Headers:
    """Headers of a record that was set aside, under Kafka's own names (KIP-1034), values as UTF-8 text."""
    told = {"exception": exception, "message": message, "topic": topic, "partition": partition, "offset": offset}
    return [(f"__streams.errors.{name}", str(value).encode()) for name, value in told.items()]
