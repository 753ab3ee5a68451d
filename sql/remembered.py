"""The ids that were done in a window, packed: all that a rebuild of the gate's `end:{p}:<generation>` needs, and touched positions.

A msgpack list: format, positions, ids (16 bytes each), kinds (a byte each), index of the position of each, its time as
milliseconds after the first, quantity (or nil), and the reservation ids of those that have one.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

import ormsgpack

from onhand.sql.window import End

_FORMAT = 1
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


_ENDS: dict[Kind, End] = {Kind.COMMIT: "committed", Kind.RELEASE: "released", Kind.EXPIRE: "expired"}
_OUTCOMES = {Kind.EXTEND: "extended", Kind.COMMIT: "committed", Kind.RELEASE: "released"}


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


class Entry(NamedTuple):
    """An entry as the gate keeps it under `id`; `use` is what `codec.use_hash` makes its body hash of.

    `ended` and `position` are there for a reservation that ended, whose outcome is that of its reserve.
    """

    id: str
    use: str
    outcome: str
    quantity: int | None
    ended: End | None
    position: str | None
    at_ms: int


def encode(done: Sequence[DoneRow], touched: Sequence[str]) -> bytes:
    """Pack what was done, with the positions that the window touched; empty if there is neither."""
    if not done and not touched:
        return b""
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
        ]
    )


def touched(blob: bytes) -> list[str]:
    """The positions of a window: those it touched, and those of its ids."""
    return list(ormsgpack.unpackb(blob)[8])


def entries(blob: bytes) -> Iterator[Entry]:
    """What the gate remembers of the window, in the order of its decisions."""
    for done in decode(blob):
        kind = Kind(done.kind)
        if kind in _ENDS:
            use = f"reserve {done.position}={done.quantity}"
            reservation_id = done.reservation_id or done.id
            yield Entry(reservation_id, use, "reserved", done.quantity, _ENDS[kind], done.position, done.at_ms)
        if kind is not Kind.EXPIRE:
            outcome = _OUTCOMES.get(kind, "applied")
            yield Entry(done.id, _use(kind, done), outcome, done.quantity, None, None, done.at_ms)


def decode(blob: bytes) -> Iterator[Done]:
    """The reverse of `encode`."""
    if not blob:
        return
    form, first, ids, kinds, positions, times, quantities, reservations, names = ormsgpack.unpackb(blob)
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
