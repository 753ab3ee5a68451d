"""What the audit found: differences, notes and totals."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LISTED = 100


class Difference(NamedTuple):
    """Two tellings of one thing: what the log makes of it (or another store), and what is there."""

    kind: str
    partition: int
    where: str
    wanted: str
    found: str


@dataclass
class Findings:
    """Everything that an audit has to say. `totals` are units by name, `compared` is how many of what was compared.

    `undecided` are the partitions that were not decided again: of them `totals` tell nothing, and their decisions were not judged.
    """

    differences: list[Difference] = field(default_factory=list)
    count: int = 0
    notes: list[str] = field(default_factory=list)
    undecided: list[int] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return self.count == 0

    def differ(self, kind: str, partition: int, where: str, wanted: Any, found: Any) -> None:
        """Keeps the difference; only the first `LISTED` in words, all in number."""
        self.count += 1
        if len(self.differences) < LISTED:
            self.differences.append(Difference(kind, partition, where, _words(wanted), _words(found)))

    def expect(self, kind: str, partition: int, where: str, wanted: Any, found: Any) -> None:
        """A difference, unless both are equal."""
        self.compared[kind] += 1
        if wanted != found:
            self.differ(kind, partition, where, wanted, found)


def _words(value: Any) -> str:
    if value is None:
        return "nothing"
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return " ".join(f"{name}={told}" for name, told in value.items() if told is not None) or "nothing"
    return str(value)
