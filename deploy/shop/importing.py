"""`onhand import`: a file of movements, line by line through the gateway's batch, with a bar that shows how far it is."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer

from onhand.deploy.shop import screen
from onhand.deploy.shop.gateway import gateway_at
from onhand.deploy.shop.source import Source, source_of
from onhand.deploy.shop.tally import Tally
from onhand.deploy.shop.upload import upload

_EVERY_LINES = 10_000


def run(state: Path, as_json: bool, name: str, key: str | None, errors: Path | None) -> int:
    """Import it and tell the sums; the exit code: 1 where a line was refused or wrong."""
    gateway, source = gateway_at(state), source_of(name, key)
    with ExitStack() as closing:
        file = closing.enter_context(errors.open("w")) if errors else None

        def fresh(seen_before: int) -> Tally:
            if file:
                file.seek(0)
                file.truncate()
            return Tally(source.header_lines, file, seen_before)

        tell = closing.enter_context(_progress(source))
        tally = asyncio.run(upload(gateway, source, fresh, tell))
    if as_json:
        screen.as_json(tally.told() | {"key": source.key})
    else:
        _show(tally, errors)
    return 1 if tally.not_done else 0


def _show(tally: Tally, errors: Path | None) -> None:
    rows = [[outcome, lines] for outcome, lines in tally.outcomes.most_common()]
    rows += [["error", tally.errors]] if tally.errors else []
    screen.table(None, ["outcome", "lines"], rows)
    for words in tally.shown:
        typer.echo(words, err=True)
    if tally.not_done > len(tally.shown):
        more = tally.not_done - len(tally.shown)
        typer.echo(f"and {more:,} more" + (f", all in {errors}" if errors else "; --errors FILE writes all"), err=True)
    if tally.replayed:
        typer.echo(f"{tally.replayed:,} lines were decided before and not done again (--key KEY does)", err=True)
    if tally.unlocked:
        words = "done without locks: no lock nodes are set"
        typer.echo(f"{tally.unlocked:,} counts and transfers were {words}", err=True)


@contextmanager
def _progress(source: Source) -> Iterator[Callable[[int], None]]:
    """What is told how many lines are answered."""
    if not sys.stderr.isatty():
        yield _plain(source)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("import"), BarColumn(), MofNCompleteColumn(), TextColumn("lines"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("import", total=source.lines)
        yield lambda lines: progress.update(task, completed=lines)


def _plain(source: Source) -> Callable[[int], None]:
    """Now and then a line."""
    told = 0
    of = "" if source.lines is None else f" of {source.lines:,}"

    def tell(lines: int) -> None:
        nonlocal told
        if lines // _EVERY_LINES > told // _EVERY_LINES:
            typer.echo(f"{lines:,}{of} lines", err=True)
            told = lines

    return tell
