"""Requests: what may stand in `inventory.requests`: every command, and those about a reservation also without a position."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from onhand.schemas.codec import decode
from onhand.schemas.commands import (
    Adjust,
    Allocate,
    Arrive,
    CommandModel,
    Commit,
    Count,
    Extend,
    Id,
    Rebalance,
    Receive,
    Release,
    Reserve,
    Return,
    SetReorder,
    Shard,
    Ship,
    SkuId,
    Sweep,
    Transfer,
    TtlMs,
    WarehouseId,
)
from onhand.schemas.positions import split_position


class _Ending(CommandModel):
    """About a reservation, by its id alone, or with the position of any of its lines."""

    command: ClassVar[type[Commit | Release | Extend]]
    sku_id: SkuId | None = None
    warehouse_id: WarehouseId | None = None
    reservation_id: Id

    @model_validator(mode="after")
    def _all_of_a_position(self) -> Self:
        if (self.sku_id is None) is not (self.warehouse_id is None):
            raise ValueError("sku_id: is missing" if self.sku_id is None else "warehouse_id: is missing")
        return self

    @property
    def position(self) -> str | None:
        """``SKU:warehouse``; None where the sender did not know it."""
        return None if self.sku_id is None else f"{self.sku_id}:{self.warehouse_id}"

    def at(self, position: str) -> Commit | Release | Extend:
        """The command that it is, about that position."""
        sku_id, warehouse_id = split_position(position)
        told = self.model_dump(exclude_none=True) | {"sku_id": sku_id, "warehouse_id": warehouse_id}
        return self.command(**told)


class CommitRequest(_Ending):
    """Sell what is reserved."""

    command = Commit
    type: Literal["commit"] = "commit"


class ReleaseRequest(_Ending):
    """Give back what is reserved. Without onhand's own `reason`: what the router appends is signed."""

    command = Release
    type: Literal["release"] = "release"


class ExtendRequest(_Ending):
    """Let an active reservation expire `ttl_ms` from now."""

    command = Extend
    type: Literal["extend"] = "extend"
    ttl_ms: TtlMs


Ending = CommitRequest | ReleaseRequest | ExtendRequest
Request = (
    Reserve | ExtendRequest | CommitRequest | ReleaseRequest | Receive | Return | Ship | Adjust | SetReorder
    | Count | Transfer | Arrive | Allocate | Rebalance | Shard | Sweep
)  # fmt: skip

_ADAPTER: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="type")])


def decode_request(value: bytes | None) -> Request:
    """The request in a record's value; `onhand.schemas.codec.Malformed` where there is none, as `decode_command`."""
    request: Request = decode(value, _ADAPTER)
    return request
