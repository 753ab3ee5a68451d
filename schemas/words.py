"""The base of what onhand says: decisions and events.

Structs of msgspec and not models of pydantic: they are written and read for every command, and what is read was written by onhand,
so that its types are checked and nothing more.
"""

from typing import Self

import msgspec


class Word(msgspec.Struct, frozen=True):
    """A record value. Quantities are units, times epoch milliseconds; a field that does not apply is absent, None here."""

    @classmethod
    def from_json(cls, value: bytes) -> Self:
        """The word in a record's value; a ValueError where it is none. Fields of later versions are ignored."""
        try:
            return msgspec.json.decode(value, type=cls)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error

    def to_json(self) -> bytes:
        """The record value."""
        return _encode(self)


_encode = msgspec.json.Encoder().encode
