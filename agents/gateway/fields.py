"""Fields of HTTP's bodies, paths and queries: those of commands, as pydantic checks them."""

from typing import Annotated, Any, get_args

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from onhand.schemas import fields


def _checked(field: Any) -> Any:
    """The limits of a command's field."""
    meta = next(each for each in get_args(field) if isinstance(each, msgspec.Meta))
    return Field(ge=meta.ge, le=meta.le, pattern=meta.pattern and fields.portable(meta.pattern))


SkuId = Annotated[str, _checked(fields.SkuId)]
WarehouseId = Annotated[int, _checked(fields.WarehouseId)]
Quantity = Annotated[int, _checked(fields.Quantity)]
QuantityOrZero = Annotated[int, _checked(fields.QuantityOrZero)]
Id = Annotated[str, _checked(fields.Id)]
Channel = Annotated[str, _checked(fields.Channel)]
Text = Annotated[str, _checked(fields.Text)]


class StrictModel(BaseModel):
    """What is read to the letter: unknown fields are refused, a number is no string, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, regex_engine="rust-regex")
