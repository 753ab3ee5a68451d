"""Arrays in PostgreSQL's binary format, packed by hand: psycopg's own list adaptation costs 10 us a decision, this 1.3.

An array is ``>iiiii`` (dimensions 1, has-nulls, element oid, length, lower bound 1) and then each element behind its length.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

NULL = b"\xff\xff\xff\xff"
_EPOCH_2000_MS = 946_684_800_000
_header = struct.Struct(">iiiii").pack


class Array:
    """A packed array; a class for each oid, because psycopg chooses the dumper by class."""

    __slots__ = ("packed",)
    oid: ClassVar[int]

    def __init__(self, length: int, element_oid: int, elements: bytes) -> None:
        has_elements = 1 if length else 0
        header = (has_elements, 1, element_oid, length, 1) if length else (0, 0, element_oid)
        self.packed = (_header(*header) if length else struct.pack(">iii", *header)) + elements


class UuidArray(Array):
    """uuid[]"""

    oid = 2951


class TextArray(Array):
    """text[]"""

    oid = 1009


class Int4Array(Array):
    """integer[]"""

    oid = 1007


class Int8Array(Array):
    """bigint[]"""

    oid = 1016


class TimeArray(Array):
    """timestamptz[]"""

    oid = 1185


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> bytes:
        packed: bytes = obj.packed
        return packed


def register(context: AdaptContext) -> None:
    """Teach a connection (or its kind) to send packed arrays."""
    for kind in (UuidArray, TextArray, Int4Array, Int8Array, TimeArray):
        dumper = type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": kind.oid})
        context.adapters.register_dumper(kind, dumper)


def uuids(ids: Sequence[str]) -> UuidArray:
    """From canonical text, all at once."""
    mark = "00000010"
    return UuidArray(len(ids), 2950, bytes.fromhex((mark + mark.join(ids)).replace("-", "")) if ids else b"")


def raw_uuids(ids: Sequence[bytes]) -> UuidArray:
    """From 16 bytes each."""
    mark = b"\0\0\0\x10"
    return UuidArray(len(ids), 2950, mark + mark.join(ids) if ids else b"")


def int8s(values: Sequence[int]) -> Int8Array:
    """64-bit integers, without nulls."""
    return Int8Array(len(values), 20, _longs(values))


def times(values_ms: Sequence[int]) -> TimeArray:
    """From epoch milliseconds; PostgreSQL counts microseconds from 2000."""
    return TimeArray(len(values_ms), 1184, _longs([(value - _EPOCH_2000_MS) * 1000 for value in values_ms]))


def texts(elements: Sequence[bytes]) -> TextArray:
    """From `element`s, or `NULL`."""
    return TextArray(len(elements), 25, b"".join(elements))


def int4s(elements: Sequence[bytes]) -> Int4Array:
    """From `int4_element`s, or `NULL`."""
    return Int4Array(len(elements), 23, b"".join(elements))


def element(text: str) -> bytes:
    """A text behind its length."""
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded


@lru_cache(maxsize=4096)
def word(text: str | None) -> bytes:
    """As `element`, or null, for the few that come again and again."""
    return NULL if text is None else element(text)


def words(values: Iterable[str | None]) -> TextArray:
    """An array of texts that are mostly unlike each other, or null."""
    return texts([NULL if value is None else element(value) for value in values])


def int4_element(value: int) -> bytes:
    """A 32-bit integer behind its length."""
    return struct.pack(">ii", 4, value)


def _longs(values: Sequence[int]) -> bytes:
    pairs = [8] * (2 * len(values))
    pairs[1::2] = values
    return struct.pack(">" + "iq" * len(values), *pairs)
