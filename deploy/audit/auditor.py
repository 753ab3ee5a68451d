"""The audit of a system: each store is read at its mark, and partition after partition is decided again and compared."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing

import psycopg
from redis import Redis

from onhand.agents.settings import Settings
from onhand.deploy.audit.alerts import Alerts
from onhand.deploy.audit.announced import Announcements
from onhand.deploy.audit.books import Key, Tally
from onhand.deploy.audit.compare import compare_gate_with_ledger, compare_ledger_with_itself
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.gate_view import GateMark, GateView, position_names, read_gate_forwards, read_mark
from onhand.deploy.audit.ledger_view import LedgerView, read_ledger
from onhand.deploy.audit.links import Links
from onhand.deploy.audit.log_view import Logs
from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.audit.partition import PartitionAudit
from onhand.deploy.audit.telling import Telling
from onhand.deploy.audit.transit import Transit, compare_transit
from onhand.schemas.admission import admit
from onhand.schemas.topics import ALERTS, COMMANDS, DECISIONS, LEDGER, STOCK

Progress = Callable[[str], None]
_PATIENCE_S = 10.0


class Auditor:
    """Everything that a run reads, and what it found."""

    def __init__(self, settings: Settings, logs: Logs, redis: "Redis", progress: Progress) -> None:
        self._settings = settings
        self._logs = logs
        self._redis = redis
        self._progress = progress
        self._findings = Findings()
        self._links = Links(self._findings)
        self._transit = Transit()
        """What all partitions decided of transfers, at the ledger's marks."""
        self._partitions = logs.partitions(COMMANDS)
        self._deadline = 0.0

    def run(self) -> Findings:
        marks = {p: read_mark(self._redis, p) for p in range(self._partitions)}
        names = position_names(self._redis)
        self._progress("reading the ledger")
        with psycopg.connect(self._settings.postgres.get_secret_value(), connect_timeout=10) as connection:
            ledgers = read_ledger(connection)
        self._deadline = time.monotonic() + _PATIENCE_S
        for partition, mark in marks.items():
            self._progress(f"partition {partition + 1} of {self._partitions}")
            gate = self._gate(partition, mark, names.get(partition, []))
            self._partition(partition, gate, ledgers.get(partition))
        self._links.compare()
        if len(ledgers) == self._partitions and not self._findings.undecided:
            self._compare_transit(ledgers.values())
        return self._findings

    def _compare_transit(self, ledgers: Iterable[LedgerView]) -> None:
        rows = Transit()
        for ledger in ledgers:
            rows.join(ledger.transit)
        compare_transit(self._transit, rows, self._partitions, self._findings)

    def _gate(self, partition: int, mark: GateMark | None, names: list[str]) -> GateView | None:
        view = read_gate_forwards(self._redis, partition, mark, names) if mark else None
        if view is None:
            self._findings.differ("gate mark", partition, "watermark", "there", None)
        return view

    def _partition(self, partition: int, gate: GateView | None, ledger: LedgerView | None) -> None:
        findings = self._findings
        if ledger is None:
            findings.differ("ledger mark", partition, "watermark", "there", None)
        else:
            compare_ledger_with_itself(partition, ledger, findings)
        low, high = self._logs.bounds(COMMANDS, partition)
        whole = low == 0 and self._born(gate, ledger) is not None
        announced = self._decide_again(partition, gate, ledger, high) if whole else None
        if not whole:
            self._without_log(partition, low, gate, ledger)
        if ledger is not None:
            self._announcements(partition, ledger, announced)

    def _born(self, gate: GateView | None, ledger: LedgerView | None) -> tuple[int, int] | None:
        """Window and sweep limit that the partition was born with."""
        if gate is not None:
            return gate.before.window_ms, gate.before.sweep_limit
        return (ledger.window_ms, ledger.sweep_limit) if ledger is not None else None

    def _decide_again(
        self, partition: int, gate: GateView | None, ledger: LedgerView | None, high: int
    ) -> dict[Key, Tally]:
        findings = self._findings
        window_ms, sweep_limit = self._born(gate, ledger) or (1, 1)
        oracle = Oracle(partition, self._partitions, self._settings.keyring, window_ms, sweep_limit)
        certain = gate.before.unpublished if gate is not None else 0
        if ledger is not None:
            certain = max(certain, ledger.source_offset + 1)
        low, _ = self._logs.bounds(DECISIONS, partition)
        told = self._logs.follow(DECISIONS, partition, low)
        last = max(gate.after.seq if gate is not None else 0, ledger.seq if ledger is not None else 0)
        telling = Telling(partition, told, certain, findings, aged=low > 0, last=last)
        alerts = self._alerts(partition, ledger) if ledger is not None else None
        again = PartitionAudit(oracle, gate, ledger, telling, alerts, findings, self._links)
        if again.end >= high:
            findings.differ("log", partition, "end", f"beyond {again.end}, where a store is", high)
        again.run(self._logs.records(COMMANDS, partition, 0, min(again.end + 1, high)))
        if again.broken:
            findings.undecided.append(partition)
        else:
            self._links.decided(partition, again.end, certain)
            self._transit.join(again.transit)
            self._hear_slips(partition, again.end + 1, high)
        if telling.untold:
            findings.notes.append(f"partition {partition}: {telling.untold} decisions are not told yet")
        if telling.strange:
            findings.notes.append(f"partition {partition}: {telling.strange} records of {DECISIONS} are no decisions")
        if alerts is not None and alerts.late:
            findings.notes.append(f"partition {partition}: {alerts.late} alerts of the last window are not told yet")
        return again.announced

    def _hear_slips(self, partition: int, start: int, end: int) -> None:
        """Those that stand behind the last mark: other partitions may be further."""
        for record in self._logs.records(COMMANDS, partition, start, end) if start < end else ():
            slip = admit(record.value, record.headers or (), partition, self._partitions, self._settings.keyring).slip
            if slip is not None:
                self._links.stands(partition, record.offset, slip.stamp, record.value or b"")

    def _alerts(self, partition: int, ledger: LedgerView) -> Alerts:
        """All that are told, read on while one of the last window is missing, for a while."""
        low, high = self._logs.bounds(ALERTS, partition)
        alerts = Alerts(partition, ledger, low == 0, self._findings)
        if high > low or alerts.missing:
            with closing(self._logs.follow(ALERTS, partition, low)) as records:
                for record in records:
                    if record is not None:
                        alerts.hear(record)
                    elif not alerts.missing or time.monotonic() > self._deadline:
                        break
        return alerts

    def _without_log(self, partition: int, low: int, gate: GateView | None, ledger: LedgerView | None) -> None:
        self._findings.undecided.append(partition)
        if low > 0:
            self._findings.notes.append(f"partition {partition}: the log starts at {low}, not at 0: not decided again")
        if gate is not None and ledger is not None:
            count = compare_gate_with_ledger(partition, gate, ledger, self._findings)
            self._findings.notes.append(f"partition {partition}: {count} positions compared between gate and ledger")

    def _announcements(self, partition: int, ledger: LedgerView, wanted: dict[Key, Tally] | None) -> None:
        """Reads on while something is missing, for a while: the newest window may just be on its way."""
        told = Announcements(partition, ledger, self._findings, self._partitions)
        stock_low, _ = self._logs.bounds(STOCK, partition)
        ledger_low, _ = self._logs.bounds(LEDGER, partition)
        stock = self._logs.follow(STOCK, partition, stock_low)
        events = self._logs.follow(LEDGER, partition, ledger_low)
        while True:
            while (record := next(stock)) is not None:
                told.stock(record)
            while (record := next(events)) is not None:
                told.ledger(record)
            if time.monotonic() > self._deadline or not told.missing(wanted or {}):
                break
        stock.close()
        events.close()
        told.compare(wanted if ledger_low == 0 else None)
