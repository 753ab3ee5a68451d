"""The base of what onhand says: decisions and events.

Structs of msgspec, since they are written and read for every command. What is read is checked for its
types and the size of its numbers: anybody may write into a topic. What is written is not checked again.
"""

from typing import Annotated, Self

import msgspec

Whole = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""A number that every reader of JSON has exactly."""
TimeMs = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""Epoch milliseconds, up to the end of the year 9999."""


class Word(msgspec.Struct, frozen=True):
    """A record value. Quantities are units, times epoch milliseconds; a field that does not apply is absent, None here."""

    @classmethod
    def from_json(cls, value: bytes | None) -> Self:
        """The word in a record's value; a ValueError where it is none. Fields of later versions are ignored."""
        try:
            return msgspec.json.decode(value or b"", type=cls)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error

    def to_json(self) -> bytes:
        """The record value."""
        return _encode(self)


_encode = msgspec.json.Encoder().encode
