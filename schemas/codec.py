"""The codec: from a record's bytes to a command, with an error that names the field and the reason."""

import hashlib
from typing import Any, get_args

import msgspec

from onhand.schemas.commands import Command
from onhand.schemas.faults import Poison
from onhand.schemas.fields import Id, SkuId, WarehouseId
from onhand.schemas.wording import said

MAX_BYTES = 64 * 1024


class Malformed(Poison):
    """A record that is no command. `message` names the field and the reason; `echo` holds what is well-formed of it."""

    def __init__(self, message: str, echo: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.echo: dict[str, Any] = echo or {}


def verb_of(command: Any) -> str:
    """The `type` that a class of commands has in records."""
    return str(command.__struct_config__.tag)


_VERBS = [verb_of(kind) for kind in get_args(Command)]
_ECHOES: dict[str, Any] = {"id": Id, "sku_id": SkuId, "warehouse_id": WarehouseId}
_DECODER = msgspec.json.Decoder(Command)
_ANYTHING = msgspec.json.Decoder(float_hook=float)
"""A float that no double holds becomes infinite, and is refused by its field's name."""


def decode_command(value: bytes | None) -> Command:
    """The command in a record's value; `Malformed` where there is none.

    Of a repeated key the last counts; null is the same as absent.
    """
    command: Command = decode(value, _DECODER)
    return command


def decode(value: bytes | None, decoder: msgspec.json.Decoder[Any]) -> Any:
    """What the decoder makes of a record's value. It must be one of a union of structs told apart by `type`."""
    if value is None:
        raise Malformed("value: is null")
    if len(value) > MAX_BYTES:
        raise Malformed(f"value: is {len(value)} bytes, more than {MAX_BYTES}")
    try:
        return decoder.decode(value)
    except (ValueError, RecursionError):
        return _decode_with_care(value, decoder)


def _decode_with_care(value: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """The slow road, for records with nulls and repeated keys, and for a message that says what is wrong."""
    try:
        body = _ANYTHING.decode(value)
    except RecursionError:
        raise Malformed("value: is not JSON: it is nested too deeply") from None
    except ValueError as error:
        raise Malformed(f"value: is not JSON: {str(error).partition(' - at ')[0]}") from None
    if not isinstance(body, dict):
        raise Malformed("value: is not a JSON object")
    body = _without_nulls(body)
    if "type" not in body:
        raise Malformed("type: is missing", _echo(body))
    if body["type"] not in _VERBS:
        raise Malformed(f"type: is not one of {', '.join(_VERBS)}", _echo(body))
    try:
        return msgspec.convert(body, next(kind for kind in get_args(decoder.type) if verb_of(kind) == body["type"]))
    except msgspec.ValidationError as error:
        raise Malformed(said(error), _echo(body)) from None


def _without_nulls(body: dict[str, Any]) -> dict[str, Any]:
    kept = {name: field for name, field in body.items() if field is not None}
    if isinstance(kept.get("lines"), list):
        kept["lines"] = [_without_nulls(line) if isinstance(line, dict) else line for line in kept["lines"]]
    return kept


def _echo(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a malformed command that are well-formed by themselves."""
    echo: dict[str, Any] = {}
    if body.get("type") in _VERBS:
        echo["type"] = body["type"]
    for name, form in _ECHOES.items():
        try:
            echo[name] = msgspec.convert(body.get(name), form)
        except msgspec.ValidationError:
            continue
    return echo


def use_hash(wish: str) -> int:
    """48 bits of a text (BLAKE2b), small enough to be exact in Lua."""
    hashed = _UNHASHED.copy()
    hashed.update(wish.encode())
    return int.from_bytes(hashed.digest(), "big")


_UNHASHED = hashlib.blake2b(digest_size=6)
"""A copy of it costs less than a new one, which for so short a text is half of the work."""
