"""Admission: everything about a record that can be judged without knowing the stock.

It never raises for bad input: a record that is no command of ours is admitted as `Op.INVALID`, with the reason.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from onhand.schemas import signing
from onhand.schemas.codec import Malformed, decode_command, use_hash
from onhand.schemas.commands import Command, Op, Release, Reserve, Sweep
from onhand.schemas.partitioner import partition_of
from onhand.schemas.positions import position_key
from onhand.schemas.signing import Keyring
from onhand.schemas.topics import REQUESTS

RecordHeaders = Iterable[tuple[str, bytes | None]]
"""Kafka allows a header without a value."""


class Admitted(NamedTuple):
    """A record, judged by itself.

    `position` is there where it is well-formed and of this partition; `body` is the hash of the use of the id;
    `quantity` is in units, an adjust's signed; `message` and `echo` (well-formed fields) are an invalid record's.
    """

    op: Op
    command: Command | None
    position: str | None
    body: int = 0
    quantity: int | None = None
    message: str = ""
    echo: Mapping[str, Any] = {}


_SWEEP = Admitted(Op.SWEEP, Sweep(), None)


def admit(
    value: bytes | None, headers: RecordHeaders, partition: int, partitions: int, keyring: Keyring | None
) -> Admitted:
    """Judge a record of `inventory.commands` as it stands in `partition` of `partitions`."""
    # type(x) is X and not isinstance: pydantic makes the latter cost a microsecond, and this is done for every command
    try:
        command = decode_command(value)
    except Malformed as error:
        return _invalid(error.message, error.echo, partition, partitions)
    refusal = None
    if headers or type(command) is Sweep or type(command) is Release:
        refusal = _signature(command, value or b"", headers, keyring)
    if type(command) is Sweep:
        return _invalid(refusal, {"type": "sweep"}, partition, partitions) if refusal else _SWEEP
    refusal = refusal or _support(command)
    position, op = command.position, command.op
    if refusal is None and op is not None and partition_of(position, partitions) == partition:
        return Admitted(op, command, position, use_hash(command.use), command.units)
    return _invalid(refusal or _misplaced(position, partition, partitions), _told(command), partition, partitions)


def _signature(command: Command, value: bytes, headers: RecordHeaders, keyring: Keyring | None) -> str | None:
    """onhand's own records need a valid header; nobody may carry one that does not verify."""
    signed = False
    for name, header in headers:
        if name == signing.HEADER:
            if keyring is None or header is None or not keyring.verify(header, value):
                return f"header {signing.HEADER}: does not verify"
            signed = True
    if command.op is Op.SWEEP and not signed:
        return f"header {signing.HEADER}: is missing, and {command.type} is onhand's own"
    if type(command) is Release and command.reason is not None and not signed:
        return f"reason: is onhand's own, and header {signing.HEADER} is missing"
    return None


def _support(command: Command) -> str | None:
    if command.op is None:
        return f"type: {command.type} is not supported yet"
    if type(command) is Reserve and command.lines is not None and len(command.folded()) > 1:
        return "lines: several positions are not supported yet"
    return None


def _misplaced(position: str, partition: int, partitions: int) -> str:
    return (
        f"sku_id, warehouse_id: {position} belongs to partition {partition_of(position, partitions)} of {partitions}, "
        f"not {partition}; produce with partitioner murmur2_random and that key, or to {REQUESTS}, where any key will do"
    )


def _told(command: Command) -> dict[str, Any]:
    told = command.model_dump(include={"type", "id", "sku_id", "warehouse_id"}, exclude_none=True)
    if isinstance(command, Reserve) and command.lines is not None:
        told |= command.lines[0].model_dump(include={"sku_id", "warehouse_id"})
    return told


def _invalid(message: str, echo: dict[str, Any], partition: int, partitions: int) -> Admitted:
    position = position_key(echo["sku_id"], echo["warehouse_id"]) if {"sku_id", "warehouse_id"} <= echo.keys() else None
    if position is not None and partition_of(position, partitions) != partition:
        position = None
    return Admitted(Op.INVALID, None, position, message=message, echo=echo)
