"""Lines as fields of a command: JSON objects, or rows of a CSV whose header names the fields."""

import csv
import re
from collections.abc import Callable, Sequence
from typing import Any, get_args

import msgspec

from onhand.agents.gateway.movements import TYPES, Movement
from onhand.schemas.codec import MAX_BYTES, Malformed

Form = Callable[[bytes], dict[str, Any]]
"""The fields in a line, those that are not null; `Malformed`."""

_FIELDS = frozenset(("type", *(name for model in get_args(Movement) for name in model.__struct_fields__)))
_WHOLE = frozenset(
    ("warehouse_id", "to_warehouse_id", "quantity", "delta", "counted_qty", "expected_at_ms", "issued_at_ms")
)
_TRUTH = {"true": True, "false": False}
_NUMBER = re.compile(r"-?[0-9]{1,15}")
_decode = msgspec.json.Decoder().decode


def from_json(line: bytes) -> dict[str, Any]:
    """A `Form`."""
    _within_size(line)
    try:
        fields = _decode(line)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"value: is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise Malformed("value: is not a JSON object")
    return _movement({name: field for name, field in fields.items() if field is not None})


def from_csv(header: bytes) -> Form:
    """The form of the rows below that header; `Malformed` where it names what is no field."""
    names = [name.strip() for name in _row(header.removeprefix(b"\xef\xbb\xbf"))] if header else []
    for name in names:
        if name not in _FIELDS:
            raise Malformed(f"header: {name[:40]!r} is not a field of a movement")
    if "type" not in names or len(set(names)) < len(names):
        raise Malformed("header: type is missing" if "type" not in names else "header: a field is there twice")

    def form(line: bytes) -> dict[str, Any]:
        cells = _row(line)
        if len(cells) != len(names):
            raise Malformed(f"row: has {len(cells)} cells, the header {len(names)}")
        return _movement({name: _value(name, cell) for name, cell in zip(names, cells, strict=True) if cell != ""})

    return form


def _movement(fields: dict[str, Any]) -> dict[str, Any]:
    if fields.get("type") not in TYPES:
        raise Malformed(f"type: is not one of {', '.join(TYPES)}")
    return fields


def _value(name: str, cell: str) -> Any:
    """A cell as JSON would have it. What is no number where one belongs stays as it is, and is refused with the rest."""
    if name in _WHOLE and _NUMBER.fullmatch(cell):
        return int(cell)
    return _TRUTH.get(cell, cell) if name == "final" else cell


def _row(line: bytes) -> Sequence[str]:
    _within_size(line)
    try:
        return next(csv.reader([line.decode()], strict=True), [])
    except UnicodeDecodeError:
        raise Malformed("row: is not UTF-8") from None
    except csv.Error as error:
        raise Malformed(f"row: {error}") from None


def _within_size(line: bytes) -> None:
    if len(line) > MAX_BYTES:
        raise Malformed(f"line: is more than {MAX_BYTES} bytes")
