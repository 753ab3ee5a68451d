"""Commands: the wishes that stand in `inventory.commands`, one model for each type, strict to the letter."""

import hashlib
from enum import IntEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails, from_json

from onhand.schemas.faults import Poison
from onhand.schemas.positions import MAX_QUANTITY, position_key

MAX_BYTES = 64 * 1024
DEFAULT_TTL_MS = 600_000
MAX_LINES = 100

SkuId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
WarehouseId = Annotated[int, Field(ge=1, le=32_767)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
QuantityOrZero = Annotated[int, Field(ge=0, le=MAX_QUANTITY)]
Delta = Annotated[int, Field(ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
Channel = Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,32}$")]
Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,128}$")]
TtlMs = Annotated[int, Field(ge=1_000, le=86_400_000)]
TimeMs = Annotated[int, Field(ge=0, le=253_402_300_799_999)]
Percent = Annotated[int, Field(ge=0, le=100)]


class Op(IntEnum):
    """The verbs by the number that the gate's script knows them by."""

    INVALID = 0
    RESERVE = 1
    EXTEND = 2
    COMMIT = 3
    RELEASE = 4
    RECEIVE = 5
    RETURN = 6
    SHIP = 7
    ADJUST = 8
    SET_REORDER = 9
    SWEEP = 10


class Malformed(Poison):
    """A record that is no command. `message` names the field and the reason; `echo` holds what is well-formed of it."""

    def __init__(self, message: str, echo: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.echo: dict[str, Any] = echo or {}


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, regex_engine="rust-regex")


class _Command(_Words):
    op: ClassVar[Op | None] = None
    """The verb's number at the gate; None where the verb is not supported yet."""

    id: Id
    actor: Text | None = None
    reference_id: Text | None = None
    issued_at_ms: TimeMs | None = None

    def to_json(self) -> bytes:
        """The record value for Kafka."""
        return self.model_dump_json(exclude_none=True).encode()


class _At(_Command):
    """A command about one position."""

    type: str
    sku_id: SkuId
    warehouse_id: WarehouseId

    @property
    def position(self) -> str:
        """``SKU:warehouse``, the record's key."""
        return f"{self.sku_id}:{self.warehouse_id}"

    @property
    def use(self) -> str:
        """What makes a second use of the id the same use: type, position, quantity, reservation, destination."""
        return f"{self.type} {self.position}"


class _Moved(_At):
    quantity: Quantity

    @property
    def use(self) -> str:
        """What makes a second use of the id the same use."""
        return f"{self.type} {self.position} {self.quantity}"


class _OfReservation(_At):
    reservation_id: Id

    @property
    def use(self) -> str:
        """What makes a second use of the id the same use."""
        return f"{self.type} {self.position} {self.reservation_id}"


class Line(_Words):
    """One line of an order."""

    sku_id: SkuId
    warehouse_id: WarehouseId
    quantity: Quantity


class Reserve(_Command):
    """Hold units until `ttl_ms` from now: one position by `sku_id`, `warehouse_id`, `quantity`, or several by `lines`."""

    op: ClassVar[Op | None] = Op.RESERVE
    type: Literal["reserve"] = "reserve"
    sku_id: SkuId | None = None
    warehouse_id: WarehouseId | None = None
    quantity: Quantity | None = None
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MAX_LINES, strict=False)] | None = None
    ttl_ms: TtlMs = DEFAULT_TTL_MS
    channel: Channel | None = None
    order_id: Text | None = None

    @model_validator(mode="after")
    def _one_line_or_lines(self) -> Self:
        if self.lines is None:
            for name in ("sku_id", "warehouse_id", "quantity"):
                if getattr(self, name) is None:
                    raise ValueError(f"{name}: is missing")
        elif self.sku_id is not None or self.warehouse_id is not None or self.quantity is not None:
            raise ValueError("lines: not together with sku_id, warehouse_id, quantity")
        return self

    @property
    def position(self) -> str:
        """The record's key: the position of the (first) line."""
        first = self.lines[0] if self.lines else self
        return f"{first.sku_id}:{first.warehouse_id}"

    def folded(self) -> dict[str, int]:
        """Units by position; lines of the same position count as one."""
        if self.lines is None:
            return {self.position: self.quantity or 0}
        units: dict[str, int] = {}
        for line in self.lines:
            key = position_key(line.sku_id, line.warehouse_id)
            units[key] = units.get(key, 0) + line.quantity
        return units

    @property
    def use(self) -> str:
        """What makes a second use of the id the same use: positions and units."""
        if self.lines is None:
            return f"reserve {self.sku_id}:{self.warehouse_id}={self.quantity}"
        return reserve_use(self.folded())


class Extend(_OfReservation):
    """Let an active reservation expire `ttl_ms` from now."""

    op: ClassVar[Op | None] = Op.EXTEND
    type: Literal["extend"] = "extend"
    ttl_ms: TtlMs


class Commit(_OfReservation):
    """Sell what is reserved."""

    op: ClassVar[Op | None] = Op.COMMIT
    type: Literal["commit"] = "commit"


class Release(_OfReservation):
    """Give back what is reserved."""

    op: ClassVar[Op | None] = Op.RELEASE
    type: Literal["release"] = "release"


class Receive(_Moved):
    """Units came in."""

    op: ClassVar[Op | None] = Op.RECEIVE
    type: Literal["receive"] = "receive"


class Return(_Moved):
    """Units came back from a buyer."""

    op: ClassVar[Op | None] = Op.RETURN
    type: Literal["return"] = "return"


class Ship(_Moved):
    """A direct sale, without a reservation."""

    op: ClassVar[Op | None] = Op.SHIP
    type: Literal["ship"] = "ship"
    channel: Channel | None = None


class Adjust(_At):
    """A correction by `delta` units, for a `reason`."""

    op: ClassVar[Op | None] = Op.ADJUST
    type: Literal["adjust"] = "adjust"
    delta: Delta
    reason: Text

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.delta == 0:
            raise ValueError("delta: must not be 0")
        return self

    @property
    def use(self) -> str:
        """What makes a second use of the id the same use."""
        return f"adjust {self.position} {self.delta}"


class SetReorder(_At):
    """The point at or below which stock is low, and how much is ordered then."""

    op: ClassVar[Op | None] = Op.SET_REORDER
    type: Literal["set_reorder"] = "set_reorder"
    reorder_point: QuantityOrZero
    reorder_quantity: QuantityOrZero


class Count(_At):
    """A cycle count: so many units are there, the reserved ones among them."""

    type: Literal["count"] = "count"
    counted_qty: QuantityOrZero

    @property
    def use(self) -> str:
        """What makes a second use of the id the same use."""
        return f"count {self.position} {self.counted_qty}"


class Transfer(_Moved):
    """Units go to another warehouse."""

    type: Literal["transfer"] = "transfer"
    to_warehouse_id: WarehouseId
    mode: Literal["instant", "dispatch"] = "instant"
    expected_at_ms: TimeMs | None = None

    @model_validator(mode="after")
    def _elsewhere(self) -> Self:
        if self.to_warehouse_id == self.warehouse_id:
            raise ValueError("to_warehouse_id: must be another warehouse")
        return self

    @property
    def use(self) -> str:
        """What makes a second use of the id the same use."""
        return f"transfer {self.position} {self.quantity} {self.to_warehouse_id}"


class Arrive(_At):
    """Units of a dispatched transfer came in; its position is the destination."""

    type: Literal["arrive"] = "arrive"
    transfer_id: Id
    quantity: QuantityOrZero
    final: bool = True

    @property
    def use(self) -> str:
        """What makes a second use of the id the same use."""
        return f"arrive {self.position} {self.quantity} {self.transfer_id}"


class Allocate(_At):
    """Split what is available over channels by percent."""

    type: Literal["allocate"] = "allocate"
    ratios: dict[Channel, Percent]

    @model_validator(mode="after")
    def _at_most_all(self) -> Self:
        if sum(self.ratios.values()) > 100:
            raise ValueError("ratios: add up to more than 100")
        return self


class Rebalance(_At):
    """Move unsold units between the channels by demand."""

    type: Literal["rebalance"] = "rebalance"
    demand: dict[Channel, QuantityOrZero]
    floor: QuantityOrZero = 0


class Shard(_At):
    """Spread what is available over virtual shards of a hot SKU."""

    type: Literal["shard"] = "shard"
    shards: Annotated[int, Field(ge=1, le=64)]


class Sweep(_Words):
    """The sweeper's own: end what expired at or before the clock. Stands in the partition it is about, without a key."""

    op: ClassVar[Op | None] = Op.SWEEP
    type: Literal["sweep"] = "sweep"

    @property
    def use(self) -> str:
        """A sweep has no id."""
        return "sweep"

    def to_json(self) -> bytes:
        """The record value for Kafka."""
        return b'{"type":"sweep"}'


Command = (
    Reserve | Extend | Commit | Release | Receive | Return | Ship | Adjust | SetReorder
    | Count | Transfer | Arrive | Allocate | Rebalance | Shard | Sweep
)  # fmt: skip

_ADAPTER: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="type")])
_validate_json = _ADAPTER.validator.validate_json
_TYPES = (
    "reserve extend commit release receive return ship adjust set_reorder "
    "count transfer arrive allocate rebalance shard sweep"
).split()
_ECHOES: dict[str, TypeAdapter[Any]] = {
    "type": TypeAdapter(Literal[tuple(_TYPES)]),
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
}


def decode_command(value: bytes | None) -> Command:
    """The command in a record's value; `Malformed` where there is none.

    Of a repeated key the last counts; null is the same as absent.
    """
    if value is None:
        raise Malformed("value: is null")
    if len(value) > MAX_BYTES:
        raise Malformed(f"value: is {len(value)} bytes, more than {MAX_BYTES}")
    try:
        return _validate_json(value)  # type: ignore[no-any-return]
    except ValidationError:
        return _decode_with_care(value)


def _decode_with_care(value: bytes) -> Command:
    """The slow road, for records with nulls and for a message that says what is wrong."""
    try:
        body = from_json(value, allow_inf_nan=False)
    except ValueError as error:
        raise Malformed(f"value: is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Malformed("value: is not a JSON object")
    body = _without_nulls(body)
    try:
        return _ADAPTER.validate_python(body)
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


def body_hash(command: Command) -> int:
    """48 bits of the use that a command makes of its id; another use of the same id is refused."""
    return use_hash(command.use)


def reserve_use(units: dict[str, int]) -> str:
    """The use that a reserve of those units by position makes of its id."""
    return "reserve " + " ".join([f"{position}={units[position]}" for position in sorted(units)])


def use_hash(wish: str) -> int:
    """48 bits of a text (BLAKE2b), small enough to be exact in Lua."""
    return int.from_bytes(hashlib.blake2b(wish.encode(), digest_size=6).digest(), "big")
