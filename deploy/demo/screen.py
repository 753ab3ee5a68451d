"""What the demo shows while it runs: a live table on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from onhand.deploy.demo.outage import Outage
from onhand.deploy.demo.sale import Sale

_COUNTS = ("reserved", "sold out", "paid", "cancelled", "expired", "repeats")
_LIVE_S = 0.1
_PLAIN_S = 2.0


class Screen:
    """Shows a sale. `tick()` as often as you like."""

    def __init__(self, console: Console, sale: Sale, outage: Outage) -> None:
        self._console = console
        self._sale = sale
        self._outage = outage
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._shown = 0.0
        self._told = 0
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tick(force=True)
        if self._live:
            self._live.stop()

    def tick(self, force: bool = False) -> None:
        """Shows what is, if it is time."""
        now = time.monotonic()
        if not force and now - self._shown < (_LIVE_S if self._live else _PLAIN_S):
            return
        self._shown = now
        if self._live:
            self._live.update(self._table(), refresh=True)
            return
        for line in self._outage.story[self._told :]:
            self._print(line)
        self._told = len(self._outage.story)
        tally, figures = self._sale.crowd.tally, self._sale.figures
        counts = ", ".join(f"{tally[name]:,} {name}" for name in _COUNTS)
        self._print(f"{figures.sent:,} commands, {figures.decided:,} decided; {counts}; {figures.durable:,} durable")

    def _print(self, text: str) -> None:
        seconds = time.monotonic() - self._started
        self._console.print(f"{seconds:5.1f} s  {text}", highlight=False, markup=False, soft_wrap=True)

    def _table(self) -> Table:
        crowd, figures = self._sale.crowd, self._sale.figures
        done = sum(crowd.tally[name] for name in ("sold out", "paid", "cancelled", "expired"))
        table = Table(
            title=f"flash sale, {time.monotonic() - self._started:.0f} s", title_justify="left", show_header=False
        )
        table.add_row("shoppers served", ProgressBar(crowd.count, done, width=40))
        for name in _COUNTS:
            table.add_row(name, f"{crowd.tally[name]:,}")
        table.add_row("durable", f"{figures.durable:,}")
        table.add_row("commands, decisions", f"{figures.sent:,}, {figures.decided:,}")
        for line in self._outage.story:
            table.add_row("!", line)
        return table
