"""What the gate holds, read from Redis as it stands there: the auditor's own few lines."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import ormsgpack
from redis import Redis

from onhand.deploy.audit.state import Hold, Memory, OfOrder, Open, lines_of, shorts_of
from onhand.schemas.faults import Retryable
from onhand.schemas.outcomes import Outcome

_PIECE = 1_000
_READINGS = 3
_POSITION = re.compile(rb"inv:\{(\d{1,10})\}:([!-~]+)")
_GENERATION = re.compile(rb"end:\{\d+\}:(\d{1,16})")
"""What keys of the gate look like; others that a scan meets are a stranger's, and passed over."""


class Numbers(NamedTuple):
    """The numbers of a position, as stored; what is absent is 0."""

    available: int = 0
    reserved: int = 0
    total: int = 0
    version: int = 0


Stamps = tuple[tuple[int, int, int], ...]
"""The newest slips that came: partition, offset and index, by ascending partition."""


class GateMark(NamedTuple):
    """How far a partition's state reaches. `unpublished` is the first offset whose decision may not be told yet.

    `unsaid` are those of the slips in `seen` that no decision has told.
    """

    offset: int
    seq: int
    clock: int
    window_ms: int
    sweep_limit: int
    unpublished: int
    seen: Stamps = ()
    unsaid: Stamps = ()


@dataclass
class GateView:
    """A partition's state. Each item is of some moment between the marks `before` and `after`."""

    before: GateMark
    after: GateMark
    positions: dict[str, Numbers] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    opens: dict[str, Open] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    remembered: dict[int, dict[str, Memory]] = field(default_factory=dict)


def read_mark(redis: "Redis", partition: int) -> GateMark | None:
    """The partition's mark; None where there is none."""
    names = ("offset", "seq", "clock", "window_ms", "sweep_limit", "unpublished", "seen", "unsaid")
    found: Any = redis.hmget(f"gate:{{{partition}}}", list(names))
    if found[0] is None:
        return None
    batches = ormsgpack.unpackb(found[5]) if found[5] else []
    first = min((prev + 1 for prev, _ in batches), default=int(found[0]) + 1)
    offset, seq, clock, window_ms, sweep_limit = map(int, found[:5])
    return GateMark(offset, seq, clock, window_ms, sweep_limit, first, _stamps(found[6]), _stamps(found[7]))


def position_names(redis: "Redis") -> dict[int, list[str]]:
    """The positions that have stock or had some, by partition, in one scan over all keys."""
    names: dict[int, list[str]] = {}
    for key in redis.scan_iter(match="inv:{*", count=_PIECE):
        if (found := _POSITION.fullmatch(key)) is not None:
            names.setdefault(int(found[1]), []).append(found[2].decode())
    return names


def read_gate_forwards(redis: "Redis", partition: int, before: GateMark, positions: Iterable[str]) -> GateView | None:
    """As `read_gate`; read again where the mark went back meanwhile, as it does at a failover. `Retryable` if it keeps doing so."""
    for _ in range(_READINGS):
        view = read_gate(redis, partition, before, positions)
        if view is None or view.after.offset >= view.before.offset:
            return view
        before, positions = view.after, position_names(redis).get(partition, ())
    raise Retryable(f"redis: partition {partition} went back to offset {before.offset} while it was read; audit again")


def read_gate(redis: "Redis", partition: int, before: GateMark, positions: Iterable[str]) -> GateView | None:
    """The partition's state; `before` is its mark from before `positions` were found. None if it has lost its mark."""
    view = GateView(before, before, dict(_levels(redis, partition, list(positions))))
    tag = f"{{{partition}}}"
    for name, packed in redis.hscan_iter(f"res:{tag}", count=_PIECE):
        view.holds[name.decode()] = _hold(packed)
    for name, packed in redis.hscan_iter(f"open:{tag}", count=_PIECE):
        view.opens[name.decode()] = Open(*ormsgpack.unpackb(packed))
    for name, score in redis.zscan_iter(f"due:{tag}", count=_PIECE):
        view.due[name.decode()] = int(score)
    for key in redis.scan_iter(match=f"end:{tag}:*", count=_PIECE):
        if (found := _GENERATION.fullmatch(key)) is not None:
            done = redis.hscan_iter(key, count=_PIECE)
            view.remembered[int(found[1])] = {name.decode(): _memory(packed) for name, packed in done}
    after = read_mark(redis, partition)
    if after is None:
        return None
    view.after = after
    return view


def _levels(redis: "Redis", partition: int, positions: list[str]) -> Iterator[tuple[str, Numbers]]:
    for start in range(0, len(positions), _PIECE):
        piece = positions[start : start + _PIECE]
        pipe = redis.pipeline(transaction=False)
        for position in piece:
            pipe.hmget(f"inv:{{{partition}}}:{position}", list(Numbers._fields))
        for position, found in zip(piece, pipe.execute(), strict=True):
            yield position, Numbers(*(int(number or 0) for number in found))


def _hold(packed: bytes) -> Hold:
    position, quantity, expires, body, channel, order_id, *order = ormsgpack.unpackb(packed)
    of_order = _of_order(position, quantity, *order) if order else None
    return Hold(position, quantity, expires, body, channel or None, order_id or None, of_order)


def _of_order(
    position: str, quantity: int, opened_at_ms: int, home: int | bool, lines: list[Any] | int, others: Any
) -> OfOrder:
    """The home is false where it is this partition; partition 0 is none of the kind. A single line is its index alone."""
    flat = [position, quantity, lines] if isinstance(lines, int) else lines
    return OfOrder(opened_at_ms, None if home is False else home, lines_of(flat), tuple(others or ()))


def _memory(packed: bytes) -> Memory:
    body, code, quantity, ended, where, *use = ormsgpack.unpackb(packed)
    how = Outcome(ended) if ended is not False else None
    position, lines = (None, lines_of(where)) if isinstance(where, list) else (where or None, ())
    if not use:
        return Memory(body, Outcome(code), None if quantity is False else quantity, how, position)
    short = shorts_of(use[1] or [])
    return Memory(body, Outcome(code), None, how, position, use[0], lines, short)


def _stamps(packed: bytes | None) -> Stamps:
    flat = ormsgpack.unpackb(packed) if packed else []
    return tuple((flat[at], flat[at + 1], flat[at + 2]) for at in range(0, len(flat), 3))
