"""What an audit prints: a table for people, or JSON."""

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from onhand.deploy.audit.findings import LISTED, Findings

_SHOWN = 20


def as_json(findings: Findings, seconds: float) -> str:
    """All that was found, as one object."""
    body: dict[str, Any] = {
        "clean": findings.clean,
        "units": units(findings),
        "compared": dict(findings.compared),
        "difference_count": findings.count,
        "differences": [difference._asdict() for difference in findings.differences[:LISTED]],
        "notes": findings.notes,
        "undecided": findings.undecided,
        "seconds": round(seconds, 1),
    }
    return json.dumps(body)


def units(findings: Findings) -> dict[str, int]:
    """Units by what became of them."""
    totals = findings.totals
    came = {"received": totals["receive"], "returned": totals["return"], "adjusted": totals["adjust"]}
    return came | {
        "sold": totals["ship"],
        "held": totals["held"],
        "in_transit": totals["in_transit"],
        "left": totals["left"],
    }


def show(findings: Findings, seconds: float, console: Console) -> None:
    """The table, the notes, the first differences, the verdict."""
    without = f", without {_partitions(findings.undecided)}" if findings.undecided else ""
    table = Table(title=f"audit{without}", title_justify="left")
    for name in units(findings):
        table.add_column(name, justify="right")
    table.add_row(*(f"{number:,}" for number in units(findings).values()))
    console.print(table)
    compared = ", ".join(f"{count:,} {kind}" for kind, count in sorted(findings.compared.items()))
    console.print(f"compared: {compared or 'nothing'} ({seconds:.1f} s)", highlight=False, markup=False)
    for note in findings.notes:
        console.print(f"note: {note}", highlight=False, markup=False)
    if findings.count:
        console.print(_differences(findings))
    console.print(_verdict(findings))


def _verdict(findings: Findings) -> str:
    found = "[green]no difference[/]" if findings.clean else f"[red]{findings.count:,} differences[/]"
    if not findings.undecided:
        return f"{found}: log, decisions, gate and ledger"
    unjudged = f"[yellow]not decided again: {_partitions(findings.undecided)}[/], whose decisions were not judged"
    return f"{found} in what could be compared; {unjudged}"


def _partitions(numbers: list[int]) -> str:
    return f"partition{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _differences(findings: Findings) -> Table:
    table = Table(title=f"the first of {findings.count:,} differences", title_justify="left")
    for name in ("what", "partition", "where", "should be", "is"):
        table.add_column(name, overflow="fold")
    for kind, partition, where, wanted, found in findings.differences[:_SHOWN]:
        table.add_row(*(_plain(word) for word in (kind, str(partition), where, wanted, found)))
    return table


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
