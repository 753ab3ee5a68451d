"""One partition: the log is decided again from its start, and each store compared at the mark that it shows."""

from collections.abc import Callable, Iterable

from onhand.deploy.audit.alerts import Alerts
from onhand.deploy.audit.books import Books, Key, Tally
from onhand.deploy.audit.compare import compare_ledger
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.gate_view import GateView
from onhand.deploy.audit.ledger_view import LedgerView
from onhand.deploy.audit.links import Links
from onhand.deploy.audit.moving import Moving, compare_gate
from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.audit.record import Record
from onhand.deploy.audit.reorders import Reorders
from onhand.deploy.audit.telling import Telling
from onhand.deploy.audit.transit import Transit
from onhand.schemas.faults import Corrupt


class PartitionAudit:
    """Feeds the model, and stops at every mark to compare. The gate's `after` is not behind its `before`.

    `links` hear of every slip. `announced` and `transit` are those of the ledger's mark.
    """

    def __init__(
        self,
        oracle: Oracle,
        gate: GateView | None,
        ledger: LedgerView | None,
        telling: Telling,
        alerts: Alerts | None,
        findings: Findings,
        links: Links | None = None,
    ) -> None:
        self.books = Books()
        self.announced: dict[Key, Tally] = {}
        self.transit = Transit()
        self.broken = False
        """Whether the log holds a slip that cannot be, and could not be decided further."""
        self._oracle = oracle
        self._telling = telling
        self._alerts = alerts
        self._findings = findings
        self._links = links or Links(findings)
        self._reorders = Reorders(oracle, self.books, ledger, findings) if ledger is not None else None
        self._moving: Moving | None = None
        self._marks: list[tuple[int, Callable[[], None]]] = []
        if gate is not None:
            self._marks.append((gate.before.offset, self._gate_begins))
            self._marks.append((gate.after.offset, lambda: self._gate_ends(gate)))
        if ledger is not None:
            self._marks.append((ledger.source_offset, lambda: self._ledger(ledger)))
        self._marks.sort(key=lambda mark: mark[0])
        self.end = max((offset for offset, _ in self._marks), default=-1)

    def run(self, log: Iterable[Record]) -> None:
        """Decides the log up to the last mark, or a slip that cannot be. `log` ends there at the latest."""
        try:
            self._decide(log)
        except Corrupt as error:
            where = f"offset {self._oracle.offset}"
            self._findings.differ("log", self._oracle.partition, where, "a record that can be decided", error)
            self.broken = True
            return
        self._telling.finish(self.end, self._oracle.seq)
        self._total()

    def _decide(self, log: Iterable[Record]) -> None:
        oracle, books, telling = self._oracle, self.books, self._telling
        for record in log:
            while self._marks and self._marks[0][0] < record.offset:
                self._marks.pop(0)[1]()
            trace = record.trace if record.headers else None
            decisions = oracle.decide(*record)
            for decision in decisions:
                books.enter(decision, trace)
                telling.check(decision, trace)
                if self._alerts is not None:
                    self._alerts.enter(decision, books)
            if self._reorders is not None:
                self._reorders.enter(decisions)
            if oracle.stamp is not None:
                self._links.stands(oracle.partition, record.offset, oracle.stamp, record.value or b"")
            if oracle.forwards:
                self._links.made(oracle.partition, record.offset, oracle.forwards)
            if self._moving is not None:
                self._moving.note()
        while self._marks:
            self._marks.pop(0)[1]()

    def _gate_begins(self) -> None:
        self._moving = Moving(self._oracle)

    def _gate_ends(self, gate: GateView) -> None:
        assert self._moving is not None
        compare_gate(self._moving, self._oracle, gate, self._findings)
        self._moving = None

    def _ledger(self, ledger: LedgerView) -> None:
        compare_ledger(self._oracle, self.books, ledger, self._findings)
        if self._reorders is not None:
            self._reorders.compare()
        self.announced = dict(self.books.announced)
        self.transit.join(self.books.transit)

    def _total(self) -> None:
        totals, positions = self._findings.totals, self._oracle.positions.values()
        for (_, kind), tally in self.books.movements.items():
            totals[kind] += tally.units
        totals["in_transit"] += sum(way.left for way in self.books.transit.values())
        totals["held"] += sum(stock.reserved for stock in positions)
        totals["left"] += sum(stock.available for stock in positions)
        self._findings.compared["position"] += len(positions)
