"""All that an auditor can see of several healthy partitions that send each other slips, for tests to break."""

import copy
import json
import random
from collections.abc import Sequence
from typing import Any

from onhand.deploy.audit.books import Books
from onhand.deploy.audit.compare import compare_ledger_with_itself
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.gate_view import GateMark, GateView, Numbers
from onhand.deploy.audit.ledger_view import LedgerView, Row
from onhand.deploy.audit.links import Links
from onhand.deploy.audit.memories import tallied
from onhand.deploy.audit.moving import stamps_of
from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.audit.partition import PartitionAudit
from onhand.deploy.audit.record import Record
from onhand.deploy.audit.telling import Telling
from onhand.deploy.audit.transit import Transit, compare_transit
from onhand.schemas.partitioner import partition_of
from tests.legs_traffic import Traffic
from tests.legs_world import KEYRING, PARTITIONS, World
from tests.scenarios import START_MS, SWEEP_LIMIT, WINDOW_MS


class Systems:
    """Stores and logs of all partitions of a world in which wild traffic has ended; `certain` by partition, the log's end if absent."""

    def __init__(self, seed: int = 1) -> None:
        traffic = Traffic(World(WINDOW_MS, SWEEP_LIMIT, now=START_MS), random.Random(seed))
        traffic.run(150)
        self.world = traffic.end()
        self.logs = [list(log) for log in self.world.logs]
        self.certain: dict[int, int] = {}
        self.decisions = [copy.deepcopy([d for told in of for d in told]) for of in self.world.told]
        self.gates = [_gate(oracle) for oracle in self.world.oracles]
        self.ledgers = [_ledger(*pair) for pair in zip(self.world.oracles, self.decisions, strict=True)]
        for decision in (d for told in self.decisions for d in told):
            _bring(self.ledgers, decision)

    def audit(self) -> Findings:
        findings = Findings()
        links, transit, rows = Links(findings), Transit(), Transit()
        for p in range(PARTITIONS):
            oracle = Oracle(p, PARTITIONS, KEYRING, WINDOW_MS, SWEEP_LIMIT)
            telling = Telling(p, iter(_told(self.decisions[p])), len(self.logs[p]), findings, iter(range(99)).__next__)
            again = PartitionAudit(oracle, self.gates[p], self.ledgers[p], telling, None, findings, links)
            again.run(self.logs[p])
            links.decided(p, len(self.logs[p]) - 1, self.certain.get(p, len(self.logs[p])))
            transit.join(again.transit)
            rows.join(self.ledgers[p].transit)
            compare_ledger_with_itself(p, self.ledgers[p], findings)
        links.compare()
        compare_transit(transit, rows, PARTITIONS, findings)
        return findings

    def kinds(self) -> set[str]:
        return {difference.kind for difference in self.audit().differences}


def _gate(oracle: Oracle) -> GateView:
    marks = oracle.seq, oracle.clock, WINDOW_MS, SWEEP_LIMIT, oracle.offset + 1
    mark = GateMark(oracle.offset, *marks, stamps_of(oracle.seen), stamps_of(oracle.unsaid))
    view = GateView(mark, mark)
    view.positions = {at: Numbers(s.available, s.reserved, s.total, s.version) for at, s in oracle.positions.items()}
    view.holds, view.opens = dict(oracle.holds), dict(oracle.opens)
    view.due = {name: hold.expires_at_ms for name, hold in oracle.holds.items() if hold.is_home}
    view.remembered = copy.deepcopy(oracle.remembered)
    return view


def _ledger(oracle: Oracle, decisions: Sequence[dict[str, Any]]) -> LedgerView:
    books = Books()
    for decision in decisions:
        books.enter(decision)
    view = LedgerView(oracle.seq, decisions[-1]["source_offset"], oracle.clock, WINDOW_MS, SWEEP_LIMIT)
    numbers = {at: (s.available, s.reserved, s.total, s.version) for at, s in oracle.positions.items()}
    view.positions = {at: Row(*levels, *books.reorders.get(at, (0, 0))) for at, levels in numbers.items()}
    view.reservations, view.movements, view.refused = books.reservations(), books.movements, books.refused
    view.remembered, view.seen = tallied(oracle.remembered), stamps_of(oracle.seen)
    return view


def _bring(ledgers: list[LedgerView], decision: dict[str, Any]) -> None:
    """What a decision adds to rows of transfers, each in the view of its position's partition."""
    if (
        decision.get("replayed")
        or decision.get("type") not in ("transfer", "arrive")
        or decision["outcome"] != "applied"
    ):
        return
    added = Transit()
    added.enter(decision)
    for destination in added:
        ledgers[partition_of(destination, PARTITIONS)].transit.join(added)
    if decision["type"] == "transfer" and decision["line"] == 0:
        sign = 1 if "id" in decision else -1
        for warehouse_id, units in ((decision["source_warehouse"], -1), (decision["dest_warehouse"], 1)):
            position = f"{decision['sku_id']}:{warehouse_id}"
            brought = ledgers[partition_of(position, PARTITIONS)].brought
            brought[position] += sign * units * decision["quantity"]


def _told(decisions: Sequence[dict[str, Any]]) -> list[Record]:
    records = []
    for decision in decisions:
        key = f"{decision['sku_id']}:{decision['warehouse_id']}".encode() if "sku_id" in decision else None
        records.append(Record(decision["seq"] - 1, 0, key, json.dumps(decision).encode(), []))
    return records
