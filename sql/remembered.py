"""The ids that were done in a window, packed: all that a rebuild of the gate's `end:{p}:<generation>` needs, and touched positions.

A msgpack list: format, positions, ids (16 bytes each), kinds (a byte each), index of the position of each, its time as
milliseconds after the first, quantity (or nil), the reservation ids of those that have one, the positions, and what has no such short form
(orders, transfers, counts) as it is, a list for each `Entry`.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

import ormsgpack

from onhand.schemas.codec import use_hash
from onhand.schemas.outcomes import Outcome

_FORMAT = 2
_UUID_CHARS = 36


class Kind(IntEnum):
    """What was done under an id. The first are commands by type; an expiry stands under its reservation's id."""

    RECEIVE = 0
    RETURN = 1
    SHIP = 2
    ADJUST = 3
    SET_REORDER = 4
    EXTEND = 5
    COMMIT = 6
    RELEASE = 7
    EXPIRE = 8


_ENDS = {Kind.COMMIT: Outcome.COMMITTED, Kind.RELEASE: Outcome.RELEASED, Kind.EXPIRE: Outcome.EXPIRED}
_OUTCOMES = {Kind.EXTEND: Outcome.EXTENDED, Kind.COMMIT: Outcome.COMMITTED, Kind.RELEASE: Outcome.RELEASED}


class Done(NamedTuple):
    """A decision that is remembered. An expiry's `id` is its reservation's, and it has no `reservation_id` besides."""

    id: str
    kind: int
    position: str
    at_ms: int
    quantity: int | None
    reservation_id: str | None


DoneRow = tuple[str, int, str, int, int | None, str | None]
"""The fields of a `Done`: a plain tuple where there is one for each decision."""


Lines = list[str | int]
"""Lines of an order, flat: position, units, line ..."""


class Entry(NamedTuple):
    """An entry as the gate keeps it under `id`; `body` is the hash of the use of the id.

    `ended` and `at` are there for a reservation that ended (its position, or of an order its lines here) and for a transfer that
    arrived; `opened_at_ms` for orders and transfers; `short` for an order that was refused: line, position, requested, available ...
    """

    id: str
    at_ms: int
    body: int
    outcome: int
    quantity: int | None
    ended: int | None = None
    at: str | Lines | None = None
    opened_at_ms: int | None = None
    short: Lines | None = None


def encode(done: Sequence[DoneRow], touched: Sequence[str], whole: Sequence[Entry] = ()) -> bytes:
    """Pack what was done, with the positions that the window touched; empty if there is nothing."""
    if not (done or touched or whole):
        return b""
    if any(len(entry.id) != _UUID_CHARS for entry in whole):
        raise ValueError("an id that is no UUID")
    index = {position: number for number, position in enumerate(touched)}
    ids, kinds, positions, times, quantities, reservations = zip(*done, strict=True) if done else ((),) * 6
    first = times[0] if times else 0
    return ormsgpack.packb(
        [
            _FORMAT,
            first,
            _packed(ids),
            bytes(kinds),
            [index.setdefault(position, len(index)) for position in positions],
            [time - first for time in times],
            quantities,
            _packed([reservation for reservation in reservations if reservation is not None]),
            list(index),
            [tuple(entry) for entry in whole],
        ]
    )


def touched(blob: bytes) -> list[str]:
    """The positions of a window: those it touched, and those of its ids."""
    return list(ormsgpack.unpackb(blob)[8])


def entries(blob: bytes) -> Iterator[Entry]:
    """What the gate remembers of the window."""
    for done in decode(blob):
        kind, quantity = Kind(done.kind), done.quantity
        if kind in _ENDS:
            body, id = use_hash(f"reserve {done.position}={quantity}"), done.reservation_id or done.id
            yield Entry(id, done.at_ms, body, Outcome.RESERVED, quantity, _ENDS[kind], done.position)
        if kind is not Kind.EXPIRE:
            outcome = _OUTCOMES.get(kind, Outcome.APPLIED)
            yield Entry(done.id, done.at_ms, use_hash(_use(kind, done)), outcome, quantity)
    if blob:
        yield from (Entry(*row) for row in ormsgpack.unpackb(blob)[9])


def decode(blob: bytes) -> Iterator[Done]:
    """The reverse of `encode`."""
    if not blob:
        return
    form, first, ids, kinds, positions, times, quantities, reservations, names, _ = ormsgpack.unpackb(blob)
    if form != _FORMAT:
        raise ValueError(f"remembered ids of an unknown format: {form}")
    reservation = iter(_unpacked(reservations))
    rows = zip(_unpacked(ids), kinds, positions, times, quantities, strict=True)
    for id, kind, position, time, quantity in rows:
        has_reservation = kind in (Kind.EXTEND, Kind.COMMIT, Kind.RELEASE)
        reservation_id = next(reservation) if has_reservation else None
        yield Done(id, kind, names[position], first + time, quantity, reservation_id)


def _use(kind: Kind, done: Done) -> str:
    """As the commands' own `use`."""
    wish = {Kind.SET_REORDER: ""}.get(kind, f" {done.reservation_id or done.quantity}")
    return f"{kind.name.lower()} {done.position}{wish}"


def _packed(ids: Sequence[str]) -> bytes:
    if set(map(len, ids)) - {_UUID_CHARS}:
        raise ValueError("an id that is no UUID")
    return bytes.fromhex("".join(ids).replace("-", ""))


def _unpacked(ids: bytes) -> list[str]:
    return [str(UUID(bytes=ids[at : at + 16])) for at in range(0, len(ids), 16)]
