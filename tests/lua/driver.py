"""Rows for the script, cut into batches at will, and the whole state of the store to compare."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

from onhand.lua.format import FIRST, STRIDE, Outcomes, RecordMark, Row, row
from onhand.lua.gate import Gate
from onhand.schemas.commands import Op
from onhand.schemas.outcomes import REPLAYED, Outcome

PARTITION, WINDOW_MS, SWEEP_LIMIT, START_MS = 5, 1_000, 3, 5_000
A, B = "CLOCK:1", "RADIO:2"

State = dict[str, Any]
Raw = Any
"""A plain `redis.Redis`: its own types promise str where bytes come."""


class Partition:
    """One partition: rows are given offsets and times here, and decided by the real script."""

    def __init__(self, gate: Gate, raw: Raw) -> None:
        self.gate, self.raw = gate, raw
        self.mark = -1
        self.published = -1
        self.seen: RecordMark | None = None

    async def birth(self, window_ms: int = WINDOW_MS, sweep_limit: int = SWEEP_LIMIT) -> "Partition":
        """The first mark."""
        assert await self.gate.birth(PARTITION, "topic", 8, window_ms, sweep_limit)
        return self

    async def decide(self, *rows: Row) -> list[list[Any]]:
        """Decide rows whose offsets are already given; each outcome as a list of its values."""
        self.seen = RecordMark(rows[-1][1], "hash", rows[-1][2])
        answer = await self.gate.decide(PARTITION, self.mark, rows[-1][1], self.published, self.seen, rows)
        assert isinstance(answer, Outcomes), answer
        self.mark = rows[-1][1]
        return split(answer)

    async def say(self, *wishes: dict[str, Any], at_ms: int = START_MS) -> list[list[Any]]:
        """Decide one batch of wishes (arguments of `row`), at the next offsets."""
        return await self.decide(*number(wishes, self.mark + 1, at_ms))

    def state(self) -> State:
        """All of the store, but for what depends on where batches end."""
        state = whole_state(self.raw)
        mark = state.get(f"gate:{{{PARTITION}}}", {})
        for name in [name for name in mark if name == b"unpublished" or name.startswith(b"o:")]:
            del mark[name]
        return state


def split(answer: Outcomes) -> list[list[Any]]:
    """Outcomes one by one."""
    return [answer.flat[i : i + STRIDE] for i in range(FIRST, len(answer.flat), STRIDE)]


def words(outcomes: Iterable[Sequence[Any]]) -> list[str]:
    """The public names, a repeat's with a star."""
    return [Outcome(o[1] % REPLAYED).word + ("*" if o[1] >= REPLAYED else "") for o in outcomes]


def whole_state(raw: Raw) -> State:
    """Every key with its value."""
    state: State = {}
    for key in sorted(raw.keys()):
        hashed = raw.type(key) == b"hash"
        state[key.decode()] = raw.hgetall(key) if hashed else dict(raw.zrange(key, 0, -1, withscores=True))
    return state


def number(wishes: Iterable[dict[str, Any]], first: int, at_ms: int = START_MS) -> list[Row]:
    """Rows at consecutive offsets; the body is a hash of what a body is made of."""
    return [row(**{"offset": first + i, "at_ms": at_ms, "body": body_of(wish)} | wish) for i, wish in enumerate(wishes)]


def body_of(wish: dict[str, Any]) -> int:
    """The same number for the same type, position, quantity and reservation."""
    parts = [wish.get(name) for name in ("op", "position", "quantity", "reservation_id")]
    return random.Random(repr(parts)).getrandbits(48)


def receive(id: str, quantity: int, position: str = A, **more: Any) -> dict[str, Any]:
    """Stock comes in."""
    return {"op": Op.RECEIVE, "id": id, "position": position, "quantity": quantity} | more


def reserve(id: str, quantity: int, ttl_ms: int = 500, position: str = A, **more: Any) -> dict[str, Any]:
    """A hold is wished."""
    return {"op": Op.RESERVE, "id": id, "position": position, "quantity": quantity, "ttl_ms": ttl_ms} | more


def of(op: Op, id: str, reservation_id: str, position: str = A, **more: Any) -> dict[str, Any]:
    """commit, release, extend."""
    return {"op": op, "id": id, "position": position, "reservation_id": reservation_id} | more


def sweep(**more: Any) -> dict[str, Any]:
    """The sweeper's own; it has no body."""
    return {"op": Op.SWEEP, "body": None} | more


def wild(seed: int, count: int) -> list[Row]:
    """Rows of all kinds over few ids and positions, so that they meet; the time goes on, back, and far ahead."""
    dice = random.Random(seed)
    rows: list[Row] = []
    at_ms, offset = START_MS, -1
    for _ in range(count):
        at_ms += dice.choice((0, 0, 1, 5, 40, -7, dice.choice((300, 1_100, 2_500)) if dice.random() < 0.2 else 0))
        offset += dice.choice((1, 1, 1, 2))
        rows.extend(number([_wild_wish(dice) | {"at_ms": at_ms}], offset))
    return rows


def _wild_wish(dice: random.Random) -> dict[str, Any]:
    op = dice.choice((0, 1, 1, 1, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, Op.SWEEP))
    if op in (Op.INVALID, Op.SWEEP):
        return {"op": op, "body": None, "position": dice.choice((None, A)) if op == 0 else None}
    held = dice.randrange(30)
    position = (A, A, B, "LAMP:3")[held % 4 if dice.random() < 0.9 else 0]
    wish: dict[str, Any] = {"op": op, "id": f"c-{dice.randrange(200):03d}", "position": position}
    if op == 1 or dice.random() < 0.05:
        wish["id"] = f"r-{held:02d}"
    if op in (1, 5, 6, 7):
        wish["quantity"] = dice.choice((1, 2, 3, 5)) if op > 1 else 1 + held % 2 + (dice.random() < 0.1)
    if op == 8:
        wish["quantity"] = dice.choice((-4, 3, 999_999_999))
    if op in (1, 2):
        wish["ttl_ms"] = dice.choice((1, 50, 400, 900))
    if op in (2, 3, 4):
        wish["reservation_id"] = f"r-{held:02d}"
    if op == 1:
        wish |= {"channel": dice.choice((None, "web")), "order_id": dice.choice((None, "o-1"))}
    return wish
