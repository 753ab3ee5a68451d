"""Comparing the ledger with the reference model at the moment that it shows, with itself, and with the gate."""

from collections.abc import Mapping
from typing import Any

from onhand.deploy.audit.books import ACTIVE, DAY_MS, Books, Tally, stock_of
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.gate_view import GateView, Numbers
from onhand.deploy.audit.ledger_view import LedgerView, Row
from onhand.deploy.audit.memories import tallied
from onhand.deploy.audit.moving import numbers_of, stamps_of
from onhand.deploy.audit.oracle import Oracle

_REFUSED_DAYS = 7
"""Refused units of so many days before the present one are kept; of what is older some may be, too."""


def compare_ledger(oracle: Oracle, books: Books, view: LedgerView, findings: Findings) -> None:
    """The ledger's rows against the model's decisions up to its watermark."""
    p = oracle.partition
    findings.expect("ledger mark", p, "seq", oracle.seq, view.seq)
    findings.expect("ledger mark", p, "clock_ms", oracle.clock, view.clock)
    findings.expect("ledger mark", p, "window_ms", oracle.window_ms, view.window_ms)
    findings.expect("ledger mark", p, "sweep_limit", oracle.sweep_limit, view.sweep_limit)
    findings.expect("ledger mark", p, "seen", stamps_of(oracle.seen), view.seen)
    for position in oracle.positions.keys() | books.reorders.keys() | view.positions.keys():
        numbers = numbers_of(oracle.positions.get(position)) or Numbers()
        wanted = Row(*numbers, *books.reorders.get(position, (0, 0)))
        findings.expect("ledger position", p, position, wanted, view.positions.get(position, Row()))
    _compare_tallies("ledger reservations", p, books.reservations(), view.reservations, findings)
    _compare_tallies("ledger movements", p, books.movements, view.movements, findings)
    _compare_tallies("ledger memory", p, tallied(oracle.remembered), view.remembered, findings)
    oldest = oracle.clock // DAY_MS - _REFUSED_DAYS
    for day, position in books.refused.keys() | view.refused.keys():
        if day >= oldest:
            where = f"{position} day {day}"
            findings.expect("ledger refused units", p, where, books.refused[day, position], view.refused[day, position])


def _compare_tallies(
    kind: str, partition: int, wanted: Mapping[Any, Tally], found: Mapping[Any, Tally], findings: Findings
) -> None:
    for key in wanted.keys() | found.keys():
        position, of = key
        findings.expect(kind, partition, f"{position} {of}", wanted.get(key, Tally()), found.get(key, Tally()))


def compare_ledger_with_itself(partition: int, view: LedgerView, findings: Findings) -> None:
    """Conservation: what came minus what went is what is there, and what is held is what active reservations hold.

    A transfer has come to its destination but for what is on its way; both its rows are written in one transaction.
    """
    stock = stock_of(view.movements)
    for position in view.brought.keys() | view.transit.keys():
        stock[position] += view.brought[position] - view.transit[position].left
    for position, row in view.positions.items():
        findings.expect("conservation", partition, f"{position} moved = total", stock.get(position, 0), row.total)
        active = view.reservations.get((position, ACTIVE), Tally()).units
        findings.expect("conservation", partition, f"{position} held = reserved", active, row.reserved)
    for position in stock.keys() - view.positions.keys():
        if stock[position]:
            findings.differ("conservation", partition, position, f"{stock[position]} units moved", None)


def compare_gate_with_ledger(partition: int, gate: GateView, ledger: LedgerView, findings: Findings) -> int:
    """Where the log is not whole: positions at equal versions must be equal. Returns how many could be compared.

    A gate that was where the ledger is, before it was read, has each position at least at the ledger's version.
    """
    compared, ahead = 0, gate.before.seq >= ledger.seq
    for position in gate.positions.keys() | ledger.positions.keys():
        numbers = gate.positions.get(position, Numbers())
        row = Numbers(*ledger.positions.get(position, Row())[:4])
        if row.version == numbers.version or (ahead and numbers.version < row.version):
            compared += 1
            findings.expect("gate = ledger", partition, position, row, numbers)
    return compared
