r"""Fields of commands: what each may hold. Read by msgspec, and told as JSON Schema.

A pattern ends in `\Z`, since Python's `$` would let a line break stand behind it; `portable` is for those who do not know it.
"""

from typing import Annotated, Any

from msgspec import Meta

from onhand.schemas.positions import MAX_QUANTITY

DEFAULT_TTL_MS = 600_000
MAX_LINES = 100

SkuId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
WarehouseId = Annotated[int, Meta(ge=1, le=32_767)]
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
QuantityOrZero = Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]
Delta = Annotated[int, Meta(ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")]
Channel = Annotated[str, Meta(pattern=r"^[a-z0-9._-]{1,32}\Z")]
Text = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,128}\Z")]
TtlMs = Annotated[int, Meta(ge=1_000, le=86_400_000)]
TimeMs = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Shards = Annotated[int, Meta(ge=1, le=64)]


def portable(pattern: str) -> str:
    """A pattern as JSON Schema and Rust have it, where `$` is the end and nothing else."""
    return pattern.replace(r"\Z", "$")


def portable_schema(schema: Any) -> Any:
    """A JSON Schema that msgspec made, with portable patterns."""
    if isinstance(schema, list):
        return [portable_schema(child) for child in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: portable_schema(child) for name, child in schema.items()}
    if isinstance(pattern := told.get("pattern"), str):
        told["pattern"] = portable(pattern)
    return told
