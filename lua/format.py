"""What goes into the gate's script and what comes out, without a client: tuples, columns, keys.

The in-memory adapters of agents and simulations speak these same shapes, so nothing here imports redis.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import ormsgpack

from onhand.schemas.faults import Corrupt

RULES = 3
"""The version of the rules that the script decides by; state that was made by other rules is refused."""


class Slip(NamedTuple):
    """What a record of several partitions has besides; columns, too. `gate/slips.lua` says what they hold."""

    from_partition: int | None = None
    from_offset: int | None = None
    from_index: int | None = None
    opened_at_ms: int | None = None
    expires_at_ms: int | None = None
    again: bool | None = None
    line: int | None = None
    """Of an order's leg: the index of its first line; position and units are the row's own."""
    more: list[str | int] | None = None
    home: int | bool | None = None
    legs: list[int] | None = None
    rest: dict[str, Any] | None = None


Row = tuple[
    int, int, int, str | None, str | None, int | None, int | None, str | None, int | None, str | None, str | None,
    Slip | None,
]  # fmt: skip
"""One record for the script: op, offset, at_ms, id, position, quantity, body, reservation_id, ttl_ms, channel, order_id, slip.

`op` is a number of `onhand.schemas.commands.Op`; `at_ms` the record's timestamp; `quantity` units, an adjust's signed,
None for what has none; `body` the 48-bit hash of the use of the id; `reservation_id` of an arrival its transfer's. What does not
apply is None.
"""

_NO_SLIP = Slip()
_NO_SLIPS: list[Any] = [False] * len(_NO_SLIP)
_NO_ROWS = [False] * (11 + len(_NO_SLIP))

OFFSET, CODE, CLOCK_MS, AVAILABLE, RESERVED, VERSION, QUANTITY, EXPIRES_AT_MS, HOLD = range(9)
"""Columns of an outcome. Of a decision without a position the three numbers are -1; QUANTITY, EXPIRES_AT_MS and HOLD are
False where they do not apply; CODE is an `Outcome`, of a repeat plus `REPLAYED`, and plus `STAMPED` as told below."""

STRIDE = 9
"""Values of one outcome: outcome i begins at `FIRST + i * STRIDE` of the flat list."""

FIRST = 1
"""Where the first outcome begins: before it stands the seq of the first one."""

HOLD_ID, HOLD_POSITION, HOLD_CHANNEL, HOLD_ORDER_ID = range(4)
"""Columns of an outcome's HOLD: the active reservation that was found; channel and order_id are False where it has none."""

LEG_LINE, LEG_COMPLETE, LEG_BODY, LEG_OPENED_AT_MS, LEG_SHORT = range(4, 9)
LEG_FLAG = LEG_SHORT
"""Further columns of a decision about a line of an order or transfer: body and clock of its use, False where they are not told; of
a refused order the short lines, flat: line, position, requested, available ...; in the same place of an undone transfer whether its
refusal is remembered, and of an order's end whether the ending command's id was known already (it is not remembered then)."""

ARRIVE_DISCREPANCY, ARRIVE_SOURCE = 8, 9
"""The same of an `arrive`: units that were missing or too many, and the position that they came from."""

SEEN, HOP, ARRIVAL, UNDO, SETTLE, PASS = range(128, 134)
"""Codes of what stands among the outcomes and is no decision, so that it has no seq: stamps that the next decision tells, and what
is to be sent to other partitions (a hop only where a repeat travels: that of an order follows from its last line here). What they
hold is in HOLD."""

STAMPED = 256
"""Added to the code of a decision that tells the stamp of its own record and no other."""


def row(
    op: int,
    offset: int,
    at_ms: int,
    id: str | None = None,
    position: str | None = None,
    quantity: int | None = None,
    body: int | None = None,
    reservation_id: str | None = None,
    ttl_ms: int | None = None,
    channel: str | None = None,
    order_id: str | None = None,
    slip: Slip | None = None,
) -> Row:
    """A row by name, for where speed does not matter; elsewhere write the tuple."""
    return (op, offset, at_ms, id, position, quantity, body, reservation_id, ttl_ms, channel, order_id, slip)


def pack_rows(rows: Sequence[Row]) -> bytes:
    """Rows as the script reads them: column by column, since a table for each row costs Lua more than deciding it.

    A column of nothing but None is False: unpacking a None costs Lua more than a number, as it makes room for it.
    """
    if not rows:
        return ormsgpack.packb(_NO_ROWS)
    *columns, slips = zip(*rows, strict=True)
    told = zip(*[slip or _NO_SLIP for slip in slips], strict=True) if slips.count(None) < len(rows) else _NO_SLIPS
    return ormsgpack.packb(
        [column if column and column.count(None) < len(rows) else False for column in (*columns, *told)]
    )


class RecordMark(NamedTuple):
    """The last real record that was decided, to recognise the log by."""

    offset: int
    hash: str
    ms: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A batch was decided. `flat` is `[first_seq, 9 values, 9 values ...]`, see STRIDE; `blob` the same in msgpack.

    Those whose code is `SEEN` or above, and below `STAMPED`, are no decisions.
    """

    flat: list[Any]
    blob: bytes

    @property
    def first_seq(self) -> int:
        """The seq of the first decision; each one behind it has one more."""
        return int(self.flat[0])

    def __len__(self) -> int:
        return (len(self.flat) - FIRST) // STRIDE


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was decided: the watermark is behind prev."""

    mark: int


@dataclass(frozen=True, slots=True)
class Already:
    """Nothing was decided: the watermark is beyond prev."""

    mark: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing was decided: the partition has no watermark, so its state is lost or was never born."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Nothing was decided: the state was made by rules of this version, which the script does not have."""

    version: int


Decided = Outcomes | Gap | Already | Missing | Rules
"""What a call of the gate comes to."""


class Batch(NamedTuple):
    """A decided batch that may be unpublished: offsets in (prev, last], and its outcomes as the script packed them."""

    prev: int
    last: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """The partition's own state: `offset` is the last decided one (-1 at birth), `seq` the last given (0 at birth)."""

    offset: int
    record: RecordMark | None
    seq: int
    clock_ms: int
    topic_id: str
    partitions: int
    rules: int
    window_ms: int
    sweep_limit: int
    unpublished: list[Batch]


class Level(NamedTuple):
    """The stock of a position, in units; one that was never touched has zeros."""

    available: int
    reserved: int
    total: int
    version: int


class Alarm(NamedTuple):
    """Why a lane stopped; `offset` is the record's that it stopped at, -1 where it was none."""

    code: str
    message: str
    offset: int


class Keys(NamedTuple):
    """The keys of a partition; the hash tag keeps them in one slot."""

    gate: str
    res: str
    due: str
    open: str
    inv: str
    end: str
    alarm: str


def keys_of(partition: int) -> Keys:
    """The partition's keys; `inv` and `end` are prefixes, to be followed by a position or a generation."""
    tag = f"{{{partition}}}"
    return Keys(f"gate:{tag}", f"res:{tag}", f"due:{tag}", f"open:{tag}", f"inv:{tag}:", f"end:{tag}:", f"alarm:{tag}")


def unpack_outcomes(blob: bytes) -> Outcomes:
    """A reply of the script, or a stored batch of it. `Corrupt` where it is none."""
    try:
        flat = ormsgpack.unpackb(blob)
    except ormsgpack.MsgpackDecodeError as error:
        raise Corrupt("outcomes are not msgpack") from error
    if not isinstance(flat, list) or len(flat) % STRIDE != FIRST:
        raise Corrupt("outcomes are not a flat array of the agreed stride")
    return Outcomes(flat, blob)


def unpack_mark(fields: dict[bytes, bytes]) -> Mark | None:
    """The hash of `gate:{p}`; None where there is no watermark. `Corrupt` where fields are missing or malformed."""
    if b"offset" not in fields:
        return None
    try:
        pairs = ormsgpack.unpackb(fields.get(b"unpublished", b"\x90"))
        return Mark(
            offset=int(fields[b"offset"]),
            record=_record(fields),
            seq=int(fields[b"seq"]),
            clock_ms=int(fields[b"clock"]),
            topic_id=fields[b"topic_id"].decode(),
            partitions=int(fields[b"partitions"]),
            rules=int(fields[b"rules"]),
            window_ms=int(fields[b"window_ms"]),
            sweep_limit=int(fields[b"sweep_limit"]),
            unpublished=[Batch(prev, last, fields[b"o:%d" % last]) for prev, last in pairs],
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Corrupt(f"the partition's mark is malformed: {error}") from error


def _record(fields: dict[bytes, bytes]) -> RecordMark | None:
    if b"record_offset" not in fields:
        return None
    hash_ = fields[b"record_hash"].decode()
    return RecordMark(int(fields[b"record_offset"]), hash_, int(fields[b"record_ms"]))
