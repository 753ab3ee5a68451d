"""How the verbs answer: tables on a terminal, plain lines with tabs elsewhere, JSON where it is wished for."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

_NUMBERS = ("available_qty", "reserved_qty", "total_qty", "version")


def as_json(told: Any) -> None:
    """One line of JSON."""
    typer.echo(json.dumps(told))


def decided(decision: dict[str, Any]) -> None:
    """A movement that was done: the position's numbers after it. Of what goes on its way, piped, its id alone."""
    if decision.get("mode") == "dispatch" and not sys.stdout.isatty():
        typer.echo(decision["transfer_id"])
        return
    row = [decision.get(name, "-") for name in ("sku_id", "warehouse_id", *_NUMBERS)]
    done = "done before" if decision.get("replayed") else "done"
    under = f", transfer {decision['transfer_id']}" if "transfer_id" in decision else ""
    title = f"{decision['type']} {decision.get('quantity', '')}: {done}{under}"
    table(title, ["SKU", "warehouse", "available", "reserved", "total", "version"], [row])


def reserved(told: dict[str, Any]) -> None:
    """A reservation that was made. Piped, its id alone, for the shell's ``id=$(...)``."""
    if not sys.stdout.isatty():
        typer.echo(told["reservation_id"])
        return
    until = f", until {told['expires_at']}" if "expires_at" in told else ""
    rows = [[line["sku_id"], line["warehouse_id"], line["quantity"]] for line in told["lines"]]
    table(f"reservation {told['reservation_id']}: {told['status']}{until}", ["SKU", "warehouse", "quantity"], rows)


def stands(told: dict[str, Any]) -> None:
    """How a reservation stands now."""
    until = f"until {told['expires_at']}" if told.get("expires_at") else None
    words = [told["reservation_id"], told["status"], until]
    typer.echo(("  " if sys.stdout.isatty() else "\t").join(word for word in words if word))


def available(told: dict[str, list[dict[str, Any]]]) -> None:
    """What is available, by SKU and warehouse; SKUs that nobody knows are told on standard error."""
    rows = [
        [sku, shelf["warehouse_id"], shelf["available_qty"], shelf["estimated_ship_date"] or "-", shelf["source"]]
        for sku, shelves in told.items()
        for shelf in sorted(shelves, key=lambda shelf: int(shelf["warehouse_id"]))
    ]
    if rows:
        table(None, ["SKU", "warehouse", "available", "ships", "source"], rows)
    for sku, shelves in told.items():
        if not shelves:
            typer.echo(f"{sku}: never had any stock", err=True)


def table(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table with a title on a terminal; elsewhere the rows alone, with tabs between."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(map(str, row)))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if title:
        typer.echo(title)
    grid = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        grid.add_column(column, justify="left" if number == 0 else "right")
    for row in rows:
        grid.add_row(*[Text(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in row])
    Console().print(grid)
