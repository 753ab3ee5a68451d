"""All that an auditor can see of a healthy partition, made from a log by the oracle, for tests to break."""

import copy
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from onhand.deploy.audit.books import Books
from onhand.deploy.audit.compare import compare_ledger_with_itself
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.gate_view import GateMark, GateView, Numbers
from onhand.deploy.audit.ledger_view import LedgerView, Row
from onhand.deploy.audit.memories import tallied
from onhand.deploy.audit.moving import stamps_of
from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.audit.partition import PartitionAudit
from onhand.deploy.audit.record import Headers, Record
from onhand.deploy.audit.telling import Telling
from onhand.schemas.signing import HEADER, Keyring
from tests.bad_input import BAD
from tests.scenarios import adjust, command, moved, of, reserve

KEYRING = Keyring.parse("test:" + "5a" * 32)
WINDOW_MS, LIMIT = 5_000, 5
SWEEP = b'{"type":"sweep"}'


def make_log(count: int = 400, seed: int = 3) -> list[Record]:
    """Shopping at two positions, with sweeps and bad records between."""
    chance, log, now = random.Random(seed), [], 1_000_000
    held: list[tuple[int, int]] = []
    for number in range(count):
        now += chance.choice((0, 1, 30, 200))
        warehouse = {"warehouse_id": chance.choice((1, 2))}
        body: Any = moved("receive", number, 20, **warehouse)
        match chance.randrange(9):
            case 0 | 1 | 2 | 3:
                body = reserve(number, chance.randint(1, 4), chance.choice((1_000, 60_000)), **warehouse, order_id="o")
                held.append((number, warehouse["warehouse_id"]))
            case 4 | 5 if held:
                name, where = chance.choice(held)
                body = of(chance.choice(("commit", "release")), number, name, warehouse_id=where)
            case 6:
                body = chance.choice((adjust(number, -2), moved("ship", number, 1), moved("return", number, 1)))
            case 7:
                body = command("set_reorder", number, reorder_point=5, reorder_quantity=number, **warehouse)
        value = json.dumps(body).encode()
        log.append(
            Record(len(log), now, None, value, [("traceparent", b"00-%d" % number)] if number % 3 == 0 else None)
        )
        if number < len(BAD):
            log.append(Record(len(log), now, None, BAD[number].value, list(BAD[number].headers)))
        if number % 10 == 0:
            log.append(Record(len(log), now, None, SWEEP, [(HEADER, KEYRING.sign(SWEEP).encode())]))
    return log


@dataclass
class System:
    """The stores and topics of one partition; `before` is the gate's mark when its reading began."""

    log: list[Record] = field(default_factory=make_log)
    before: int = -1

    def __post_init__(self) -> None:
        oracle, self.books = self.oracle(), Books()
        self.decisions: list[dict[str, Any]] = []
        self.traces: list[bytes | None] = []
        for record in self.log:
            if record.offset == self.before + 1:
                begun = GateMark(self.before, oracle.seq, oracle.clock, WINDOW_MS, LIMIT, self.before + 1)
            told = oracle.decide(record.offset, record.timestamp_ms, None, record.value, record.headers)
            self.decisions += copy.deepcopy(told)
            self.traces += [record.trace] * len(told)
            for decision in told:
                self.books.enter(decision, record.trace)
        end = len(self.log) - 1
        mark = GateMark(end, oracle.seq, oracle.clock, WINDOW_MS, LIMIT, end + 1)
        self.gate = GateView(begun if self.before >= 0 else mark, mark)
        stocks = oracle.positions.items()
        self.gate.positions = {at: Numbers(s.available, s.reserved, s.total, s.version) for at, s in stocks}
        self.gate.holds = dict(oracle.holds)
        self.gate.due = {name: hold.expires_at_ms for name, hold in oracle.holds.items() if hold.is_home}
        self.gate.opens = dict(oracle.opens)
        self.gate.remembered = copy.deepcopy(oracle.remembered)
        self.ledger = LedgerView(oracle.seq, self.decisions[-1]["source_offset"], oracle.clock, WINDOW_MS, LIMIT)
        reorders = self.books.reorders
        self.ledger.positions = {
            at: Row(*numbers, *reorders.get(at, (0, 0))) for at, numbers in self.gate.positions.items()
        }
        self.ledger.reservations = self.books.reservations()
        self.ledger.movements.update(self.books.movements)
        self.ledger.remembered = tallied(oracle.remembered)
        self.ledger.refused = Counter(self.books.refused)
        self.ledger.transit.join(self.books.transit)
        self.ledger.seen = stamps_of(oracle.seen)

    def oracle(self) -> Oracle:
        return Oracle(0, 1, KEYRING, WINDOW_MS, LIMIT)

    def told(self) -> list[Record]:
        """The decisions as they stand in their topic."""
        return [self.telling(decision) for decision in self.decisions]

    def telling(self, decision: dict[str, Any]) -> Record:
        """A decision as a record, with the traceparent of its seq."""
        key = f"{decision['sku_id']}:{decision['warehouse_id']}".encode() if "sku_id" in decision else None
        trace = dict(enumerate(self.traces, 1)).get(decision["seq"])
        headers: Headers = [] if trace is None else [("traceparent", trace)]
        return Record(decision["seq"] - 1, 0, key, json.dumps(decision).encode(), headers)

    def audit(
        self, certain: int | None = None, told: Sequence[Record | None] | None = None, decisions_from: int = 0
    ) -> Findings:
        findings = Findings()
        certain = len(self.log) if certain is None else certain
        clock = iter(range(0, 10_000, 3)).__next__
        records = iter(self.told() if told is None else told)
        telling = Telling(0, records, certain, findings, clock, aged=decisions_from > 0)
        PartitionAudit(self.oracle(), self.gate, self.ledger, telling, None, findings).run(self.log)
        compare_ledger_with_itself(0, self.ledger, findings)
        findings.totals.update(untold=telling.untold, strange=telling.strange)
        return findings

    def kinds(self) -> set[str]:
        return {difference.kind for difference in self.audit().differences}

    @property
    def a_hold(self) -> str:
        return next(iter(self.gate.holds))
