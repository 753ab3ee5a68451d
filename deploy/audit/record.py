"""A record of a topic, as the audit reads it."""

from typing import NamedTuple, TypeVar

from onhand.schemas.events import TRACE_HEADER
from onhand.schemas.words import Word

W = TypeVar("W", bound=Word)

Headers = list[tuple[str, bytes | None]]
_TRACE_BYTES = 256
"""Of a traceparent that is handed on; longer ones are none, and left out."""


class Record(NamedTuple):
    """A record; Kafka allows a header without a value."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers | None

    def header(self, name: str) -> bytes | None:
        """The value of the first header of that name."""
        return next((value for found, value in self.headers or () if found == name), None)

    @property
    def trace(self) -> bytes | None:
        """The traceparent that whatever follows from this record carries on."""
        value = self.header(TRACE_HEADER)
        return value if value is not None and len(value) <= _TRACE_BYTES else None

    def word(self, kind: type[W]) -> W | None:
        """The word of that kind in its value; None where it is none: a stranger's record."""
        try:
            return kind.from_json(self.value or b"")
        except ValueError:
            return None
