"""`onhand demo` on a running system, `make demo` from nothing, and the demo's stock for `make run`."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from onhand.agents.settings import Settings
from onhand.deploy.audit import report
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.program import audit
from onhand.deploy.demo.crowd import HOT, HOT_UNITS, Crowd
from onhand.deploy.demo.outage import Outage
from onhand.deploy.demo.sale import Sale
from onhand.deploy.demo.screen import Screen
from onhand.deploy.stack.reach import signing_settings_at
from onhand.schemas.faults import Retryable

SHOPPERS = 30_000
_KILL_AT = 0.4


def run(state: Path, as_json: bool = False, seed: int = 1, shoppers: int = SHOPPERS) -> int:
    """A flash sale through the system that runs in `state` (or that the environment names), and its audit.

    0 nothing differs, 1 a difference or a sale that does not end, 3 a server is away.
    """
    settings = signing_settings_at(state)
    console = Console(stderr=as_json)
    sale = Sale(settings.broker.librdkafka(), Crowd(seed, shoppers, time.time_ns() // 1_000_000))
    outage = Outage(state)
    try:
        sale.open()
        ended = _hold_sale(sale, outage, console)
        console.print("audit ...", highlight=False)
        started = time.monotonic()
        findings = audit(settings)
        seconds = time.monotonic() - started
    except Retryable as error:
        print(f"onhand demo: {error}", file=sys.stderr)
        return 3
    finally:
        sale.close()
    if not ended:
        waiting, awaited = len(sale.crowd.waiting), sum(sale.crowd.awaited.values())
        findings.differ("sale", -1, "end", "all answered", f"{awaited} commands unanswered, {waiting} holds open")
    report.show(findings, seconds, console)
    console.print(_figures(sale, outage))
    if as_json:
        print(_as_json(sale, outage, findings, seconds))
    return 0 if findings.clean else 1


def load_stock(settings: Settings, begun_ms: int, given_up: Callable[[], bool], seed: int = 1) -> int:
    """Receives the demo's stock and returns the units that are new; with the same `begun_ms` again, what is missing.

    `Retryable` where Kafka is away, nobody decides, or `given_up`.
    """
    sale = Sale(settings.broker.librdkafka(), Crowd(seed, 0, begun_ms))
    try:
        sale.open()
        if not sale.deliver(given_up):
            raise Retryable("the demo's stock was not decided; `onhand status` shows how far the gate is")
        return sale.crowd.tally["units received"]
    finally:
        sale.close()


def from_nothing(as_json: bool = False, seed: int = 1, shoppers: int = SHOPPERS) -> int:
    """Starts a stack of its own in a new directory, holds the sale, audits, stops all and leaves nothing."""
    from onhand.deploy.stack import Stack

    with tempfile.TemporaryDirectory(prefix="onhand-demo-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as somebody else if we are root
        started = time.monotonic()
        print("starting Kafka, PostgreSQL, Valkey and the workers ...", file=sys.stderr)
        with Stack(folder, gates=None) as stack:
            print(f"all ready after {time.monotonic() - started:.1f} s", file=sys.stderr)
            return run(stack.state.root, as_json, seed, shoppers)


def _hold_sale(sale: Sale, outage: Outage, console: Console) -> bool:
    if not sale.deliver():
        return False
    units = sale.crowd.tally["units received"]
    console.print(
        f"{units:,} units received, {HOT_UNITS:,} of them {HOT}; {sale.crowd.count:,} shoppers", highlight=False
    )
    with Screen(console, sale, outage) as screen:

        def tick() -> None:
            if sale.calm and len(sale.crowd.waiting) and sale.figures.sent > sale.crowd.count * _KILL_AT:
                sale.calm = False
                outage.begin()
            outage.look()
            screen.tick()

        return sale.sell(tick)


def _figures(sale: Sale, outage: Outage) -> Table:
    table = Table(title="flash sale", title_justify="left", show_header=False)
    for name, value in _measured(sale, outage).items():
        table.add_row(name, value if isinstance(value, str) else f"{value:,}")
    return table


def _measured(sale: Sale, outage: Outage) -> dict[str, int | float | str]:
    figures = sale.figures
    measured: dict[str, int | float | str] = dict(sale.crowd.tally)
    measured |= {
        "commands": figures.sent,
        "decisions a second": round(figures.decided / max(figures.seconds, 0.001)),
        "decisions in the busiest second": figures.busiest,
        "latency p50 ms": round(figures.percentile(0.5), 1),
        "latency p99 ms": round(figures.percentile(0.99), 1),
        "latency p50 ms before the kill": round(figures.percentile(0.5, calm=True), 1),
        "latency p99 ms before the kill": round(figures.percentile(0.99, calm=True), 1),
    }
    return measured | {f"outage {number}": line for number, line in enumerate(outage.told(figures.served_again), 1)}


def _as_json(sale: Sale, outage: Outage, findings: Findings, seconds: float) -> str:
    return json.dumps({"sale": _measured(sale, outage), "audit": json.loads(report.as_json(findings, seconds))})
