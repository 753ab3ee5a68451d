"""The codec: from a record's bytes to a command, with an error that names the field and the reason."""

import hashlib
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from onhand.schemas.commands import MAX_LINES, Command, Id, SkuId, WarehouseId
from onhand.schemas.faults import Poison

MAX_BYTES = 64 * 1024


class Malformed(Poison):
    """A record that is no command. `message` names the field and the reason; `echo` holds what is well-formed of it."""

    def __init__(self, message: str, echo: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.echo: dict[str, Any] = echo or {}


_ADAPTER: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="type")])
_TYPES = [member.model_fields["type"].default for member in get_args(Command)]
_ECHOES: dict[str, TypeAdapter[Any]] = {
    "type": TypeAdapter(Annotated[str, Field(pattern=f"^({'|'.join(_TYPES)})$")]),
    "id": TypeAdapter(Id),
    "sku_id": TypeAdapter(SkuId),
    "warehouse_id": TypeAdapter(WarehouseId),
}
_REASONS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this command",
    "string_pattern_mismatch": "is not well-formed",
    "union_tag_not_found": "is missing",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "int_parsing_size": "must be an integer within its limits",
    "tuple_type": "must be a list",
    "model_type": "must be an object",
    "too_short": f"must hold 1 to {MAX_LINES}",
    "too_long": f"must hold 1 to {MAX_LINES}",
}


def decode_command(value: bytes | None) -> Command:
    """The command in a record's value; `Malformed` where there is none.

    Of a repeated key the last counts; null is the same as absent.
    """
    command: Command = decode(value, _ADAPTER)
    return command


def decode(value: bytes | None, adapter: TypeAdapter[Any]) -> Any:
    """What the adapter makes of a record's value. It must be a union of models told apart by `type`."""
    if value is None:
        raise Malformed("value: is null")
    if len(value) > MAX_BYTES:
        raise Malformed(f"value: is {len(value)} bytes, more than {MAX_BYTES}")
    try:
        return adapter.validator.validate_json(value)
    except ValidationError:
        return _decode_with_care(value, adapter)


def _decode_with_care(value: bytes, adapter: TypeAdapter[Any]) -> Any:
    """The slow road, for records with nulls and for a message that says what is wrong."""
    try:
        body = from_json(value, allow_inf_nan=False)
    except ValueError as error:
        raise Malformed(f"value: is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Malformed("value: is not a JSON object")
    body = _without_nulls(body)
    try:
        return adapter.validate_python(body)
    except ValidationError as error:
        message = _say(body, error.errors(include_url=False)[0])
        raise Malformed(message, _echo(body)) from None


def _without_nulls(body: dict[str, Any]) -> dict[str, Any]:
    kept = {name: field for name, field in body.items() if field is not None}
    if isinstance(kept.get("lines"), list):
        kept["lines"] = [_without_nulls(line) if isinstance(line, dict) else line for line in kept["lines"]]
    return kept


def _say(body: dict[str, Any], error: ErrorDetails) -> str:
    """What is wrong, as ``field: reason``."""
    kind = error["type"]
    if kind == "union_tag_invalid" or (kind == "union_tag_not_found" and "type" in body):
        return f"type: is not one of {', '.join(_TYPES)}"
    if kind == "union_tag_not_found":
        return "type: is missing"
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    path = [str(part) for part in error["loc"][1:]]
    reason = _REASONS.get(kind, error["msg"][0].lower() + error["msg"][1:])
    return f"{'.'.join(path)[:200]}: {reason}"


def _echo(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a malformed command that are well-formed by themselves."""
    echo: dict[str, Any] = {}
    for name, adapter in _ECHOES.items():
        try:
            echo[name] = adapter.validate_python(body.get(name), strict=True)
        except ValidationError:
            continue
    return echo


def use_hash(wish: str) -> int:
    """48 bits of a text (BLAKE2b), small enough to be exact in Lua."""
    return int.from_bytes(hashlib.blake2b(wish.encode(), digest_size=6).digest(), "big")
