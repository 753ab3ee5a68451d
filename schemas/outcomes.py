"""Outcomes of commands, in order of precedence: where several apply, the one with the lowest number is told."""

from enum import IntEnum

REPLAYED = 64
"""Added by the gate to the number of an outcome that repeats an earlier one."""


class Outcome(IntEnum):
    """What became of a command. The numbers are those of the gate's script; the words are public."""

    INVALID = 0
    ID_REUSED = 1
    UNKNOWN_RESERVATION = 2
    UNKNOWN_TRANSFER = 3
    ALREADY_COMMITTED = 4
    ALREADY_RELEASED = 5
    ALREADY_EXPIRED = 6
    ALREADY_ARRIVED = 7
    LIMIT_EXCEEDED = 8
    QUARANTINED = 9
    COUNT_BELOW_RESERVED = 10
    INSUFFICIENT_CHANNEL_STOCK = 11
    INSUFFICIENT_STOCK = 12
    RESERVED = 13
    EXTENDED = 14
    COMMITTED = 15
    RELEASED = 16
    EXPIRED = 17
    APPLIED = 18

    @property
    def word(self) -> str:
        """The public name, as in decisions: ``insufficient_stock``."""
        return self.name.lower()

    @property
    def done(self) -> bool:
        """Whether the command had its effect."""
        return self >= Outcome.RESERVED

    @staticmethod
    def of_word(word: str) -> "Outcome":
        """The outcome of that public name; ``KeyError`` where there is none."""
        return Outcome[word.upper()]


WORDS: tuple[str, ...] = tuple(outcome.word for outcome in Outcome)
"""Public names by number."""
