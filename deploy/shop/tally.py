"""What became of the lines of an import, added up as the answers come."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TextIO

import msgspec

_SHOWN = 20
_DONE = "applied"


class Answer(msgspec.Struct, gc=False):
    """The gateway's answer to a line."""

    line: int
    outcome: str | None = None
    error: str | None = None
    replayed: bool = False
    locked: bool | None = None
    sku_id: str | None = None
    warehouse_id: int | None = None
    quantity: int | None = None
    available_qty: int | None = None
    message: str | None = None


_decode = msgspec.json.Decoder(Answer).decode


@dataclass(slots=True)
class Tally:
    """The sums. `header_lines` is added to the numbers of lines, so that they are the file's; `wrong` gets all that was not done."""

    header_lines: int
    wrong: TextIO | None = None
    seen_before: int = 0
    """Up to that line an earlier attempt of this run has had the answers, so that they are not told as an earlier run's."""
    lines: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    replayed: int = 0
    unlocked: int = 0
    shown: list[str] = field(default_factory=list)

    @property
    def not_done(self) -> int:
        """Lines that were refused or wrong."""
        return self.lines - self.outcomes[_DONE]

    def add(self, raw: bytes) -> None:
        """One more answer."""
        answer = _decode(raw)
        self.lines = answer.line
        self.replayed += answer.replayed and answer.line > self.seen_before
        self.unlocked += answer.locked is False
        if answer.outcome is None:
            self.errors += 1
        else:
            self.outcomes[answer.outcome] += 1
        if answer.outcome != _DONE:
            self._tell(answer)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "lines": self.lines, "outcomes": dict(sorted(self.outcomes.items())), "errors": self.errors,
            "replayed": self.replayed, "not_done": self.shown,
        }  # fmt: skip

    def _tell(self, answer: Answer) -> None:
        words = f"line {answer.line + self.header_lines}: {answer.error or _refusal(answer)}"
        if len(self.shown) < _SHOWN:
            self.shown.append(words)
        if self.wrong is not None:
            self.wrong.write(f"{words}\n")


def _refusal(answer: Answer) -> str:
    where = "" if answer.sku_id is None else f", {answer.sku_id} at warehouse {answer.warehouse_id}"
    short = str(answer.outcome).startswith("insufficient")
    units = f": {abs(answer.quantity or 0)} wished, {answer.available_qty} available" if short else ""
    return f"{answer.outcome}{where}{units}" + (f": {answer.message}" if answer.message else "")
