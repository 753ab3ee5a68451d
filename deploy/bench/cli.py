"""`onhand bench`: what this machine can do, measured on servers and workers of its own."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from onhand.deploy.bench.figures import Figure
    from onhand.deploy.bench.ground import Ground
    from onhand.deploy.bench.runs import Size

app = typer.Typer(invoke_without_command=True, help="Measure gate, ledger and latency; all of it without a subcommand.")

State = Annotated[Path | None, typer.Option("--state", help="Use the servers of this running stack.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Positions = Annotated[int, typer.Option(min=2, help="Positions of the loads that are not hot.")]
Commands = Annotated[int, typer.Option(min=20, help="Commands of each load.")]
Plain = Annotated[int, typer.Option(min=0, help="Commands for the plain Faust agent; 0 leaves it out.")]
Seconds = Annotated[int, typer.Option(min=1, help="Seconds of steady traffic; at 2,000/s a quarter of it.")]
Holds = Annotated[int, typer.Option(min=1, help="Active holds beside those that expire.")]

_POSITIONS, _COMMANDS, _PLAIN, _SECONDS, _HOLDS = 10_000, 300_000, 25_000, 20, 1_000_000


@app.callback()
def bench(context: typer.Context, state: State = None, as_json: Json = False) -> None:
    """Measure gate, ledger and latency; all of it without a subcommand."""
    if context.invoked_subcommand is None:
        everything(state, as_json)
    elif state or as_json:
        raise typer.BadParameter(f"options of `{context.invoked_subcommand}` come after its name")


@app.command("all")
def everything(
    state: State = None, as_json: Json = False, positions: Positions = _POSITIONS, commands: Commands = _COMMANDS,
    plain: Plain = _PLAIN, seconds: Seconds = _SECONDS, holds: Holds = _HOLDS,
) -> None:  # fmt: skip
    """All benches, one after the other; some minutes."""
    from onhand.deploy.bench import runs

    size = runs.Size(positions, commands, plain, seconds, holds)
    _run(state, as_json, runs.everything, size)


@app.command()
def gate(
    state: State = None, as_json: Json = False, positions: Positions = _POSITIONS, commands: Commands = _COMMANDS,
    plain: Plain = _PLAIN,
) -> None:  # fmt: skip
    """Command record to decision record, one worker; and the ratio to a plain Faust agent."""
    from onhand.deploy.bench import runs

    _run(state, as_json, runs.gate, runs.Size(positions, commands, plain))


@app.command()
def ledger(
    state: State = None, as_json: Json = False, positions: Positions = _POSITIONS, commands: Commands = _COMMANDS
) -> None:
    """Decision record to durable and announced, one worker."""
    from onhand.deploy.bench import runs

    _run(state, as_json, runs.ledger, runs.Size(positions, commands))


@app.command()
def together(
    state: State = None, as_json: Json = False, positions: Positions = _POSITIONS, commands: Commands = _COMMANDS
) -> None:
    """Command record to durable, a gate worker and a ledger worker at the same time."""
    from onhand.deploy.bench import runs

    _run(state, as_json, runs.together, runs.Size(positions, commands))


@app.command()
def orders(
    state: State = None, as_json: Json = False, positions: Positions = _POSITIONS, commands: Commands = _COMMANDS
) -> None:
    """Reserves over two positions, one gate worker; and the ratio to one-line commands."""
    from onhand.deploy.bench import runs

    _run(state, as_json, runs.orders, runs.Size(positions, commands))


@app.command()
def latency(state: State = None, as_json: Json = False, seconds: Seconds = _SECONDS) -> None:
    """Command to decision, and commit to reservation.committed, at 50/s and 2,000/s."""
    from onhand.deploy.bench import runs

    _run(state, as_json, runs.latency, runs.Size(steady_s=seconds))


@app.command()
def http(state: State = None, as_json: Json = False, seconds: Seconds = _SECONDS) -> None:
    """Calls of the gateway: reserve and commit at a steady rate, availability of 100 SKUs a call, a batch."""
    from onhand.deploy.bench import runs

    _run(state, as_json, runs.http, runs.Size(steady_s=seconds))


@app.command()
def expiry(
    state: State = None, as_json: Json = False, positions: Positions = _POSITIONS, holds: Holds = _HOLDS
) -> None:
    """How late 2,000 expiries a second are told among very many active holds."""
    from onhand.deploy.bench import runs

    _run(state, as_json, runs.expiry, runs.Size(positions, holds=holds))


def _run(
    state: Path | None, as_json: bool, measure: "Callable[[Ground, Size], Iterator[Figure]]", size: "Size"
) -> None:
    """Measure and show: each figure as it comes on standard error, the table or JSON at the end."""
    from rich.console import Console

    from onhand.deploy.bench import figures

    with _ground(state) as ground:
        measured = list(_told(measure(ground, size)))
    if as_json:
        typer.echo(json.dumps(figures.as_json(measured), indent=1))
    else:
        Console(width=160).print(figures.table(measured))


def _told(figures: "Iterable[Figure]") -> "Iterator[Figure]":
    from onhand.deploy.bench.figures import line

    for figure in figures:
        typer.echo(line(figure), err=True)
        yield figure


def _ground(state: Path | None) -> "AbstractContextManager[Ground]":
    from onhand.deploy.bench.ground import quiet, running, throw_away

    return throw_away(quiet) if state is None else running(state)
