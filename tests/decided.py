"""Decisions for the ledger's tests, made by the oracle, and windows of them."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import convert

from onhand.agents.ledger import events
from onhand.agents.ledger.fold import fold
from onhand.agents.ledger.folding import Told
from onhand.agents.ports import Message
from onhand.deploy.audit.books import Books
from onhand.deploy.audit.oracle import Oracle
from onhand.schemas.decisions import Decision as Known
from onhand.schemas.topics import DECISIONS
from onhand.sql.window import Window
from tests.agents.memory import MemoryLog
from tests.audited import KEYRING, LIMIT, WINDOW_MS, make_log

Decision = dict[str, Any]


class Deciding:
    """A partition's oracle that is told commands, and the books of what it decided."""

    def __init__(self, window_ms: int = WINDOW_MS) -> None:
        self.oracle = Oracle(0, 1, KEYRING, window_ms, LIMIT)
        self.books = Books()
        self.now = 1_000_000

    def __call__(self, *bodies: dict[str, Any], at_ms: int | None = None) -> list[Decision]:
        """Its decisions about those commands; `at_ms` is the time from then on."""
        self.now = self.now if at_ms is None else at_ms
        return [d for body in bodies for d in self.record(json.dumps(body).encode(), [])]

    def record(self, value: bytes | None, headers: list[tuple[str, bytes]]) -> list[Decision]:
        """Its decisions about a record."""
        told = self.oracle.decide(self.oracle.offset + 1, self.now, None, value, headers)
        for decision in told:
            self.books.enter(dict(decision))
        return told

    def shop(self, count: int = 400, seed: int = 3) -> list[Decision]:
        """Its decisions about a long and mixed log."""
        decisions = []
        for record in make_log(count, seed):
            self.now = record.timestamp_ms
            decisions += self.record(record.value, record.headers)
        return decisions


def position_of(decision: Decision) -> str | None:
    return f"{decision['sku_id']}:{decision['warehouse_id']}" if "sku_id" in decision else None


def told(decisions: Sequence[Decision]) -> list[Told]:
    """As the intake has them; decision seq n stands at offset n - 1."""
    return [Told(d["seq"], position_of(d), convert(d, Known), None) for d in decisions]


def window(decisions: Sequence[Decision], partition: int = 0) -> Window:
    """One window of them all."""
    folded = fold(partition, told(decisions))
    folded.events = events.pack(folded)
    return folded


def windows(decisions: Sequence[Decision], dice: random.Random, most: int = 30) -> Iterator[Window]:
    """Windows of random size."""
    at = 0
    while at < len(decisions):
        size = dice.randint(1, most)
        yield window(decisions[at : at + size])
        at += size


def put(log: MemoryLog, decisions: Sequence[Decision], trace: bytes | None = None) -> None:
    """Append decisions to their log."""
    headers = [("traceparent", trace)] if trace else []
    for decision in decisions:
        key = position_of(decision)
        value = json.dumps(decision).encode()
        log.append(DECISIONS, 0, Message(key.encode() if key else None, value, headers))
