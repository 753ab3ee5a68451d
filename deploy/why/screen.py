"""The story on a terminal, as lines, or as JSON."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

import typer

from onhand.deploy.why.reading import Progress, Story
from onhand.deploy.why.story import Entry, Level
from onhand.schemas.decisions import Decision
from onhand.schemas.events import rfc3339
from onhand.schemas.outcomes import Outcome
from onhand.schemas.topics import DECISIONS, TOPICS

if TYPE_CHECKING:
    from rich.text import Text

_PAGE = 500
"""Entries of a table: the next begins while the log is read on."""
_MUCH = 50_000
"""Records from which on a bar shows how far it is."""
_NUMBERS = ("available", "reserved", "total", "version")


def tell_json(story: Story) -> None:
    """An array, an entry a line."""
    typer.echo("[", nl=False)
    for number, entry in enumerate(story.entries):
        typer.echo((",\n " if number else "") + json.dumps(entry.told()), nl=False)
    typer.echo("]")


def tell(story: Story, position: str, until_ms: int | None) -> None:
    """The entries as tables on a terminal, else as lines with tabs; and what the position holds then."""
    if until_ms is not None:
        typer.echo(f"{position} at {rfc3339(until_ms)}: {_words(story.level)}")
    told = _as_tables(story.entries) if sys.stdout.isatty() else _as_lines(story.entries)
    if until_ms is None and sys.stdout.isatty():
        typer.echo(f"{position} now: {_words(story.level)}")
    if not told:
        typer.echo(f"{position}: nothing was decided about it", err=True)


def warn_of_the_missing_beginning(story: Story) -> None:
    """On standard error, where older decisions are gone."""
    if not story.is_whole:
        kept = next(topic.retention_ms or 0 for topic in TOPICS if topic.name == DECISIONS) // 86_400_000
        typer.echo(f"decisions are kept for {kept} days: what was before is not told", err=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar on standard error while much is read, if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading decisions", visible=False)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=total >= _MUCH)

        yield show


def _words(level: Level | None) -> str:
    if level is None:
        return "not known any more"
    available, reserved, total, version = level
    return f"{available:,} available, {reserved:,} reserved, {total:,} total, version {version}"


def _as_lines(entries: Iterable[Entry]) -> int:
    """Time, offset, command, units, outcome, the four numbers, id, actor, reference, what more there is; returns how many."""
    count = 0
    for entry in entries:
        count += 1
        decision = entry.step.decision
        cells = [rfc3339(decision.decided_at_ms), str(decision.source_offset), *_command(entry), decision.outcome]
        cells += [*_changes(entry), entry.id or "-", entry.actor or "-", entry.reference_id or "-"]
        cells += [", ".join(_more(decision)) or "-"]
        typer.echo("\t".join(map(_plain, cells)))
    return count


def _as_tables(entries: Iterator[Entry]) -> int:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console, count = Console(), 0
    while page := list(islice(entries, _PAGE)):
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        table.add_column("command", overflow="fold")
        for name in _NUMBERS:
            table.add_column(name, justify="right", no_wrap=True)
        for entry in page:
            table.add_row(_story(entry), *_changes(entry))
        console.print(table)
        count += len(page)
    return count


def _story(entry: Entry) -> "Text":
    """What was asked for and what came of it; below, when and where in the log, under which id, by whom, and why not."""
    from rich.text import Text

    decision = entry.step.decision
    type, units = _command(entry)
    text = Text().append(_plain(f"{type} {units} ".replace(" - ", " ")), "bold")
    text.append(_plain(decision.outcome), "green" if _is_done(decision.outcome) else "red")
    order = f"order {decision.order_id}" if decision.order_id else None
    who = [f"by {entry.actor}" if entry.actor else None, entry.reference_id, order]
    when = f"{rfc3339(decision.decided_at_ms)} offset {decision.source_offset}"
    for line in [when, entry.id, ", ".join(word for word in who if word), *_more(decision)]:
        text.append(f"\n{_plain(line)}" if line else "", "dim")
    return text


def _more(decision: Decision) -> list[str]:
    """Where units of a transfer went or came from, and what is said of a reason."""
    there = decision.source_warehouse if decision.line else decision.dest_warehouse
    way = f"{'from' if decision.line else 'to'} warehouse {there}" if decision.type == "transfer" and there else None
    return [word for word in (way, decision.reason, decision.message) if word]


def _command(entry: Entry) -> tuple[str, str]:
    decision = entry.step.decision
    return decision.type or "?", "-" if decision.quantity is None else f"{decision.quantity:,}"


def _changes(entry: Entry) -> list[str]:
    """Each number before and after, or once where it did not change."""
    _, before, after = entry.step
    return [_change(*pair) for pair in zip(before or (None,) * len(after), after, strict=True)]


def _change(before: int | None, after: int) -> str:
    if before == after:
        return f"{after}"
    return f"{'?' if before is None else before} -> {after}"


def _is_done(outcome: str) -> bool:
    try:
        return Outcome.of_word(outcome).done
    except KeyError:  # of a later version
        return True


def _plain(text: str) -> str:
    """Without what would tell the terminal something: anybody may write into a topic."""
    return "".join(char if char.isprintable() else "?" for char in text)
