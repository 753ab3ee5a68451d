"""A record of a topic, as the audit reads it."""

from typing import Any, NamedTuple

from pydantic_core import from_json

from onhand.schemas.events import TRACE_HEADER

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

    def fields(self, *names: str) -> dict[str, Any] | None:
        """The JSON object in its value; None where that is none or lacks one of `names`: a stranger's record."""
        try:
            body = from_json(self.value or b"null")
        except ValueError:
            return None
        return body if isinstance(body, dict) and body.keys() >= set(names) else None
