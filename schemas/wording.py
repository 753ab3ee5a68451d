"""What is wrong with a word, as ``field: reason``: out of msgspec's errors, which name types and show patterns, in the words of onhand."""

import re
from typing import Any

import msgspec

from onhand.schemas.fields import MAX_LINES

_VALUES = {"mode": "instant or dispatch", "reason": "id_reused, which onhand says itself"}
"""Of the fields that take one of a few values."""
_REASONS = (
    (r"Expected `int` >= (-?\d+)", r"must be greater than or equal to \1"),
    (r"Expected `int` <= (-?\d+)", r"must be less than or equal to \1"),
    (r"Expected `int\b", "must be an integer"),
    (r"(Integer value|Number) out of range", "must be an integer within its limits"),
    (r"Expected `str.* matching", "is not well-formed"),
    (r"Expected `str\b", "must be a string"),
    (r"Expected `bool\b", "must be true or false"),
    (r"Expected `array.* of length", f"must hold 1 to {MAX_LINES}"),
    (r"Expected `array\b", "must be a list"),
    (r"Expected `object\b", "must be an object"),
)
_ABSENT = re.compile(r"Object missing required field `(?P<name>\w+)`")
_STRANGE = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_WHERE = re.compile(r" - at `(?P<key>key` in `)?\$(?P<path>[^`]*)`\Z")
_OUR_OWN = re.compile(r"[a-z_]+: ")
_MOST = 200
"""Characters of a path that are told: a stranger's field may be called anything."""

_encode = msgspec.json.Encoder().encode


def said(error: msgspec.ValidationError) -> str:
    """The error as ``field: reason``; of a field within a line ``lines.0.quantity: reason``."""
    text = str(error)
    where = _WHERE.search(text)
    path = _path(where["path"]) if where else []
    what = text[: where.start()] if where else text
    if absent := _ABSENT.match(what):
        return f"{'.'.join([*path, absent['name']])}: is missing"
    within = path if path[:1] == ["lines"] else []  # a strange name may look like a place
    if strange := _STRANGE.match(what if within else text):
        return f"{'.'.join([*within, strange['name']])[:_MOST]}: is not a field of this command"
    if where is None:  # a rule between fields, which names them itself
        return what if _OUR_OWN.match(what) else f"value: {_reason(what, '')}"
    reason = _reason(what, path[-1] if path else "")
    return f"{'.'.join(path)[:_MOST] or 'value'}: {'a name in it ' if where['key'] else ''}{reason}"


def encoded(word: msgspec.Struct) -> bytes:
    """Its JSON; a ValueError ``field: reason`` where it could not be read back."""
    try:
        value = _encode(word)
        msgspec.json.decode(value, type=type(word))
    except msgspec.ValidationError as error:
        raise ValueError(said(error)) from None
    except (TypeError, UnicodeEncodeError, OverflowError) as error:
        raise ValueError(f"{_not_to_encode(word)}: is not of JSON: {error}") from None
    return value


def _path(text: str) -> list[str]:
    """``.lines[0].quantity`` in parts; of a mapping's values msgspec does not say which."""
    return [part for part in re.split(r"[.\[\]]+", text) if part]


def _reason(what: str, field: str) -> str:
    if what.startswith("Invalid enum value"):
        return f"must be {_VALUES.get(field, 'one of its values')}"
    for pattern, reason in _REASONS:
        if found := re.match(pattern, what):
            return found.expand(reason)
    return "is not well-formed"


def _not_to_encode(word: msgspec.Struct) -> str:
    """The first field that JSON has no form for."""
    fields: dict[str, Any] = msgspec.structs.asdict(word)
    for name, field in fields.items():
        try:
            _encode(field)
        except (TypeError, UnicodeEncodeError, OverflowError):
            return name
    return "value"
