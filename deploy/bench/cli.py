"""`onhand bench`: what the machine can do, measured on servers and workers of its own."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from onhand.deploy.bench.figures import Figure
    from onhand.deploy.bench.ground import Ground

app = typer.Typer(
    invoke_without_command=True, help="Measure gate, ledger and latency (all of it without a subcommand)."
)

State = Annotated[
    Path | None, typer.Option("--state", help="Use the servers of this running stack, not a throw-away one.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Positions = Annotated[int, typer.Option(min=2, help="Positions of the loads that are not hot.")]
Commands = Annotated[int, typer.Option(min=20, help="Commands of each load.")]
Plain = Annotated[int, typer.Option(min=0, help="Commands for the plain agent; 0: leave it out.")]

POSITIONS, COMMANDS, PLAIN = 10_000, 300_000, 25_000


@app.command()
def gate(
    state: State = None, as_json: Json = False, positions: Positions = POSITIONS, commands: Commands = COMMANDS,
    plain: Plain = PLAIN,
) -> None:  # fmt: skip
    """Command record to decision record, one worker, and the ratio to a plain Faust agent."""
    from onhand.deploy.bench import runs

    _run(state, as_json, lambda ground: runs.gate(ground, positions, commands, plain))


def _run(state: Path | None, as_json: bool, bench: "Callable[[Ground], Iterator[Figure]]") -> None:
    """Measure and show; each figure as it comes on standard error, the table or JSON at the end."""
    from rich.console import Console

    from onhand.deploy.bench.figures import as_json as plain_values
    from onhand.deploy.bench.figures import table

    with _ground(state) as ground:
        figures = list(_told(bench(ground)))
    if as_json:
        typer.echo(json.dumps(plain_values(figures), indent=1))
    else:
        Console(width=160).print(table(figures))


def _told(figures: "Iterable[Figure]") -> "Iterator[Figure]":
    from onhand.deploy.bench.figures import line

    for figure in figures:
        typer.echo(line(figure), err=True)
        yield figure


def _ground(state: Path | None) -> "AbstractContextManager[Ground]":
    from onhand.deploy.bench.ground import quiet, running, throw_away

    return throw_away(quiet) if state is None else running(state)


@app.callback()
def every(context: typer.Context) -> None:
    """All benches, one after the other."""
