"""`onhand --help`: the commands by what one wants to do."""

from typing import Any

from typer.core import TyperGroup

_SECTIONS = {
    "Run it": ("up", "down", "status", "demo"),
    "Move stock": ("receive", "return", "ship", "adjust", "count", "transfer", "arrive", "import"),
    "Sell it": ("availability", "reserve", "extend", "commit", "release"),
    "Look into it": ("why", "audit", "bench", "resume", "keys"),
    "Run its parts one by one": ("migrate", "topics", "worker", "gateway"),
}
_OTHERS = "More"


class Sections(TyperGroup):
    """A group of commands whose help tells them in sections; those of no section come last."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write all commands, each with a line."""
        placed = {name for names in _SECTIONS.values() for name in names}
        others = tuple(name for name in self.list_commands(ctx) if name not in placed)
        width = formatter.width - 6 - max(map(len, self.commands))
        for title, names in (_SECTIONS | {_OTHERS: others}).items():
            there = [(name, self.commands[name].get_short_help_str(width)) for name in names if name in self.commands]
            if there:
                with formatter.section(title):
                    formatter.write_dl(there)
