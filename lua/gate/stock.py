"""What is available of many positions of many partitions, asked in one round trip.

The commands are packed here and not by the client library's pipeline, which costs 25 us a position for these 8, and the server as
much. Not a script: that would cost the server's only thread twice as much.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from redis.asyncio import ConnectionPool

from onhand.lua.format import keys_of
from onhand.schemas.faults import Corrupt


class Stock(NamedTuple):
    """What is available of a position, in units; zeros where it was never touched."""

    available: int
    version: int


async def read_stock(pool: "ConnectionPool", positions: Mapping[int, Sequence[str]]) -> dict[str, Stock]:
    """The stock of positions by partition; those of a partition without a mark (lost, or being rebuilt) are left out.

    A rebuild removes the mark first and writes it last, so it is looked at before and after. Raises redis' own errors.
    """
    keys = {partition: keys_of(partition) for partition in positions}
    marks = [_command(b"HEXISTS", keys[partition].gate, b"offset") for partition in positions]
    reads = [
        _command(b"HMGET", keys[partition].inv + position, b"available", b"version")
        for partition, wanted in positions.items()
        for position in wanted
    ]
    replies = await _ask(pool, b"".join((*marks, *reads, *marks)), 2 * len(marks) + len(reads))
    before, after = replies[: len(marks)], replies[len(replies) - len(marks) :]
    return _there(positions, [bool(a and b) for a, b in zip(before, after, strict=True)], replies[len(marks) :])


def _there(positions: Mapping[int, Sequence[str]], marked: list[bool], replies: list[Any]) -> dict[str, Stock]:
    found, left = {}, iter(replies)
    for there, wanted in zip(marked, positions.values(), strict=True):
        for position in wanted:
            numbers = next(left)
            if there:
                found[position] = _stock(position, numbers)
    return found


def _stock(position: str, numbers: list[bytes | None]) -> Stock:
    try:
        return Stock(*[int(number or 0) for number in numbers])
    except ValueError as error:
        raise Corrupt(f"the gate's numbers of {position} are none") from error


def _command(verb: bytes, key: str, *fields: bytes) -> bytes:
    """A command as it goes over the wire (RESP)."""
    words = (verb, key.encode(), *fields)
    return b"*%d\r\n%b" % (len(words), b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words]))


async def _ask(pool: "ConnectionPool", request: bytes, replies: int) -> list[Any]:
    """Send a request of several commands and read their replies. A connection that did not get that far is closed."""
    take: Callable[[], Awaitable[Any]] = pool.get_connection
    connection = await take()
    try:
        await connection.send_packed_command([request])
        return [await connection.read_response() for _ in range(replies)]
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)
