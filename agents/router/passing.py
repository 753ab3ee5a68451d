"""From a request to the record that is appended to `inventory.commands`, and the partition that it goes to. Pure."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, get_args

from onhand.agents.ports import Headers, Message, Record
from onhand.agents.slips import slip_message
from onhand.schemas.codec import Malformed
from onhand.schemas.partitioner import partition_of
from onhand.schemas.requests import Ending, decode_request
from onhand.schemas.signing import HEADER, Keyring
from onhand.schemas.slips import Passed, Slip, Unplaced, Wish

_WISHES: frozenset[type] = frozenset(get_args(Wish))
_ENDINGS: frozenset[type] = frozenset(get_args(Ending))
_MOST_BYTES = 1_000_000
"""What a broker takes as a record if nobody told it otherwise is a little more."""
_CUT_BYTES = 128 * 1024
"""More than a command may have, so that what was cut cannot become one."""
_CUT_HEADER = "onhand.cut"
"""On a request of which only the beginning could be kept: the size that it had."""


_MOST_PARTITIONS = 1 << 20
"""Of a topic of requests: so far apart are the sources of one partition in topics that were made one after the other."""


def source_of(partition: int, generation: int) -> int:
    """The source that requests of a partition are stamped with; below 0, so that it is no partition of the commands.

    Gates drop what is at or below the last stamp that they have seen from a source, and the offsets of a topic that was made anew
    begin at 0: so each topic (`generation`, from 0) has sources of its own.
    """
    return -1 - generation * _MOST_PARTITIONS - partition


class Place(NamedTuple):
    """The source that a partition's requests are stamped with, how many partitions the commands have, and the keys that sign what
    goes there."""

    source: int
    partitions: int
    keyring: Keyring


class Request(NamedTuple):
    """A record of `inventory.requests`, read. `command` is None where it is none that can be passed on: it goes as received."""

    record: Record
    command: Wish | Ending | None
    home: str
    """What the partition of such a one is taken of: its position where that is well-formed, else its id, else where it stands."""

    @property
    def wanted(self) -> str | None:
        """The reservation whose position must be looked up."""
        command = self.command
        return command.reservation_id if type(command) in _ENDINGS and command.position is None else None  # type: ignore[union-attr]


def read(record: Record, partition: int) -> Request:
    """The request in a record."""
    home = f"{partition}/{record.offset}"
    try:
        request = decode_request(record.value)
    except Malformed as error:
        echo = error.echo
        at = f"{echo['sku_id']}:{echo['warehouse_id']}" if {"sku_id", "warehouse_id"} <= echo.keys() else None
        return Request(record, None, at or echo.get("id") or home)
    if type(request) in _WISHES or type(request) in _ENDINGS:
        return Request(record, request, home)  # type: ignore[arg-type]
    return Request(record, None, getattr(request, "position", home))


def wanted(requests: Collection[Request]) -> list[str]:
    """The reservations whose position must be looked up, each once."""
    return list({request.wanted: None for request in requests if request.wanted is not None})


def passed_on(place: Place, request: Request, found: Mapping[str, str]) -> tuple[int, Message]:
    """The partition that it goes to, and the record. `found`: positions by reservation."""
    command = request.command
    if command is None:
        return partition_of(request.home, place.partitions), _as_received(request.record)
    if type(command) in _ENDINGS:
        return _located(place, request.record, command, found)  # type: ignore[arg-type]
    return _passed(place, request.record, command)  # type: ignore[arg-type]


def _located(place: Place, record: Record, request: Ending, found: Mapping[str, str]) -> tuple[int, Message]:
    position = request.position or found.get(request.reservation_id)
    if position is not None:
        return _passed(place, record, request.at(position))
    fields = {"verb": request.type, "id": request.id, "reservation_id": request.reservation_id}
    told = fields | {"reference_id": request.reference_id}
    return _slip(place, record, request.reservation_id, Unplaced, told)


def _passed(place: Place, record: Record, command: Wish) -> tuple[int, Message]:
    return _slip(place, record, command.position, Passed, {"command": command})


def _slip(
    place: Place, record: Record, key: str, slip: Callable[..., Slip], fields: dict[str, Any]
) -> tuple[int, Message]:
    stamp = place.source, record.offset, 0  # a request comes to one slip, so there is one index
    to = partition_of(key, place.partitions)
    return to, slip_message(place.keyring, record, key, slip(**fields, stamp=stamp, to=to))


def _as_received(record: Record) -> Message:
    """What is no command goes on unsigned, so that the gate answers `invalid` and the dead letters have its bytes.

    Without a stamp it is passed on at least once and not exactly once: after a crash it may be answered twice, and does nothing.
    """
    headers: Headers = [(name, value) for name, value in record.headers if name != HEADER]
    key, value = record.key, record.value
    size = len(key or b"") + len(value or b"") + sum(len(name) + len(text or b"") + 10 for name, text in headers)
    if size <= _MOST_BYTES:
        return Message(key, value, headers)
    return Message((key or b"")[:1_024], (value or b"")[:_CUT_BYTES], [(_CUT_HEADER, str(size).encode())])
