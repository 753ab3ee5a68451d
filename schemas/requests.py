"""Requests: what may stand in `inventory.requests`: every command, and those about a reservation also without a position."""

from typing import ClassVar, final

import msgspec

from onhand.schemas.codec import decode
from onhand.schemas.commands import (
    Adjust,
    Allocate,
    Arrive,
    CommandModel,
    Commit,
    Count,
    Extend,
    Rebalance,
    Receive,
    Release,
    Reserve,
    Return,
    SetReorder,
    Shard,
    Ship,
    Sweep,
    Transfer,
)
from onhand.schemas.fields import Id, SkuId, TtlMs, WarehouseId
from onhand.schemas.positions import split_position


class _Ending(CommandModel, frozen=True, kw_only=True):
    """About a reservation, by its id alone, or with the position of any of its lines."""

    command: ClassVar[type[Commit | Release | Extend]]
    sku_id: SkuId | None = None
    warehouse_id: WarehouseId | None = None
    reservation_id: Id

    def __post_init__(self) -> None:
        """All of a position or nothing of it."""
        if (self.sku_id is None) is not (self.warehouse_id is None):
            raise ValueError("sku_id: is missing" if self.sku_id is None else "warehouse_id: is missing")

    @property
    def position(self) -> str | None:
        """``SKU:warehouse``; None where the sender did not know it."""
        return None if self.sku_id is None else f"{self.sku_id}:{self.warehouse_id}"

    def at(self, position: str) -> Commit | Release | Extend:
        """The command that it is, about that position."""
        sku_id, warehouse_id = split_position(position)
        told = msgspec.structs.asdict(self) | {"sku_id": sku_id, "warehouse_id": warehouse_id}
        return self.command(**told)


@final
class CommitRequest(_Ending, frozen=True, kw_only=True, tag="commit"):
    """Sell what is reserved."""

    command = Commit


@final
class ReleaseRequest(_Ending, frozen=True, kw_only=True, tag="release"):
    """Give back what is reserved. Without onhand's own `reason`: what the router appends is signed."""

    command = Release


@final
class ExtendRequest(_Ending, frozen=True, kw_only=True, tag="extend"):
    """Let an active reservation expire `ttl_ms` from now."""

    command = Extend
    ttl_ms: TtlMs


Ending = CommitRequest | ReleaseRequest | ExtendRequest
Request = (
    Reserve | ExtendRequest | CommitRequest | ReleaseRequest | Receive | Return | Ship | Adjust | SetReorder
    | Count | Transfer | Arrive | Allocate | Rebalance | Shard | Sweep
)  # fmt: skip

_DECODER = msgspec.json.Decoder(Request)


def decode_request(value: bytes | None) -> Request:
    """The request in a record's value; `onhand.schemas.codec.Malformed` where there is none, as `decode_command`."""
    request: Request = decode(value, _DECODER)
    return request
