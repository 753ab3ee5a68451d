"""Shows a start: a table that lives in a terminal, plain lines elsewhere."""

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from onhand.deploy.stack.part import Progress
from onhand.deploy.stack.redaction import redact

if TYPE_CHECKING:
    from rich.table import Table as Grid

_MARKS = {"ready": "[green]●[/]", "restarting": "[red]●[/]", "stopped": "[dim]○[/]"}


def display() -> "Lines | Table":
    """What fits where standard error goes."""
    return Table() if sys.stderr.isatty() else Lines()


class Lines:
    """A line per step, with the time: for logs and CI. Of a download, each quarter."""

    def __init__(self) -> None:
        self._quarter = -1

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Nothing to close."""

    def __call__(self, progress: Progress) -> None:
        """Show one step."""
        if progress.share is not None:
            if int(progress.share * 4) == self._quarter:
                return
            self._quarter = int(progress.share * 4)
        clock = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        words = f"{clock} {progress.part} {progress.state} {redact(progress.detail)}".rstrip()
        with suppress(OSError):  # nobody reads any more, as a `tee` that the same Ctrl-C ended; the stack goes on
            print(words, file=sys.stderr, flush=True)


class Table:
    """A line per part that changes in place; a bar while something is fetched."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._rows: dict[str, Progress] = {}
        self._live = Live(console=Console(stderr=True), refresh_per_second=10, get_renderable=self._render)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Leave the last picture."""
        self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show one step."""
        self._rows[progress.part] = progress

    def _render(self) -> "Grid":
        from rich.progress_bar import ProgressBar
        from rich.table import Table as Grid

        grid = Grid.grid(padding=(0, 2))
        for part, row in list(self._rows.items()):
            bar = None if row.share is None else ProgressBar(total=1.0, completed=row.share, width=30)
            grid.add_row(
                _MARKS.get(row.state, "[yellow]●[/]"),
                part,
                row.state,
                bar or redact(row.detail),
                row.detail if bar else "",
            )
        return grid
