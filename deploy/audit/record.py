"""A record of a topic, as the audit reads it."""

from typing import NamedTuple

Headers = list[tuple[str, bytes | None]]


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
