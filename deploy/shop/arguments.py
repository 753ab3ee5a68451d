"""What the verbs are given: arguments and options, and how they are read. What is wrong is a `typer.BadParameter` that names it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

_MOST = 1_000_000_000
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)")
_LINE = re.compile(r"(?P<sku_id>[^:]+):(?P<warehouse_id>[0-9]{1,9})=(?P<quantity>[0-9]{1,12})")


class LineText(NamedTuple):
    """A line of an order as it was written: ``SKU:WAREHOUSE=QUANTITY``."""

    sku_id: str
    warehouse_id: int
    quantity: int


def seconds(text: str) -> int:
    """How long a reservation lives: ``10m``, ``90s``, ``2h``, ``1d`` or ``600``, in seconds."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration like 90s, 10m or 2h")
    found = int(match[1]) * _UNITS[match[2]]
    if not 1 <= found <= _UNITS["d"]:
        raise typer.BadParameter(f"{text!r} is not between 1s and 1d")
    return found


def time_ms(text: str) -> int:
    """A time in epoch milliseconds: RFC 3339, or shorter (a date alone is its first moment); in UTC unless it says otherwise."""
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        found = (time - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is not a time like 2026-11-22T14:38:32Z") from None
    if found < 0:
        raise typer.BadParameter(f"{text!r} is before 1970")
    return found


def sku(text: str) -> str:
    """A SKU's id."""
    import msgspec

    from onhand.schemas.fields import SkuId

    try:
        return msgspec.convert(text, SkuId)
    except msgspec.ValidationError:
        raise typer.BadParameter(f"{text!r} is not 1 to 64 of letters, digits, '.', '_' and '-'") from None


def key(text: str) -> str:
    """An Idempotency-Key."""
    if not re.fullmatch(r"[\x20-\x7e]{1,128}", text):
        raise typer.BadParameter("must be 1 to 128 printable characters of ASCII")
    return text


def line(text: str) -> LineText:
    """A line of an order."""
    match = _LINE.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not of the form SKU:WAREHOUSE=QUANTITY")
    return LineText(sku(match["sku_id"]), int(match["warehouse_id"]), int(match["quantity"]))


def _whole(name: str, low: int, high: int = _MOST, help: str | None = None) -> Any:
    return typer.Argument(metavar=name, min=low, max=high, show_default=False, help=help)


def _word(name: str, help: str) -> Any:
    return typer.Option(name, help=help, show_default=False)


Sku = Annotated[str, typer.Argument(metavar="SKU", parser=sku, show_default=False)]
Skus = Annotated[list[str], typer.Argument(metavar="SKU", parser=sku, show_default=False)]
Warehouse = Annotated[int, _whole("WAREHOUSE", 1, 32_767)]
FromWarehouse = Annotated[int, _whole("FROM", 1, 32_767, "The warehouse that the units leave.")]
ToWarehouse = Annotated[int, _whole("TO", 1, 32_767, "The warehouse that they go to.")]
Quantity = Annotated[int, _whole("QUANTITY", 1)]
Arrived = Annotated[int, _whole("QUANTITY", 0)]
Counted = Annotated[int, _whole("COUNTED", 0, help="Units that are there, the reserved ones among them.")]
Delta = Annotated[int, _whole("DELTA", -_MOST, help="Units to add; negative ones are taken away.")]
Reservation = Annotated[str, typer.Argument(metavar="RESERVATION", help="The id that `reserve` told.")]
Transfer = Annotated[str, typer.Argument(metavar="TRANSFER", help="The id that `transfer --dispatch` told.")]

File = Annotated[
    str, typer.Argument(metavar="FILE", show_default=False, help="A .csv or .ndjson; `-` is standard input.")
]
Key = Annotated[
    str | None, typer.Option("--key", parser=key, help="Under which its lines are known.", show_default=False)
]
Errors = Annotated[
    Path | None, typer.Option("--errors", help="Write all lines there that were not done.", show_default=False)
]

Id = Annotated[str | None, _word("--id", "The command's id, a UUID: the same again is done once.")]
Reference = Annotated[str | None, _word("--reference", "What it refers to, as an order's number.")]
Actor = Annotated[str | None, _word("--actor", "Who does it; `onhand why` tells.")]
Channel = Annotated[str | None, _word("--channel", "The channel that sells it.")]
Ttl = Annotated[int, typer.Option("--ttl", metavar="TIME", parser=seconds, help="Until it expires: 90s, 10m, 2h.")]
Expected = Annotated[
    int | None,
    typer.Option("--expected", metavar="TIME", parser=time_ms, help="When it should arrive: 2026-11-22T14:00Z.",
                 show_default=False),
]  # fmt: skip
Lines = Annotated[
    list[Any] | None,
    typer.Option("--line", metavar="SKU:WAREHOUSE=QUANTITY", parser=line, help="A line; several times for several.",
                 show_default=False),
]  # fmt: skip
