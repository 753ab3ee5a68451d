"""The reference model: what the gate must answer to each record of a partition, in plain Python.

It is written from the contract alone, to be read beside it, and shares with the gate nothing but the words
(`onhand.schemas`): what a command is, whether a record is one, and how an outcome is called.
"""

import heapq
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from onhand.deploy.audit.record import Headers
from onhand.deploy.audit.state import Hold, Memory, Stock
from onhand.schemas.admission import Admitted, admit
from onhand.schemas.commands import Op
from onhand.schemas.outcomes import Outcome
from onhand.schemas.positions import MAX_LEVEL, split_position
from onhand.schemas.signing import Keyring

Decision = dict[str, Any]


_NOTHING = Stock()
_TOO_LATE = {
    Outcome.COMMITTED: Outcome.ALREADY_COMMITTED,
    Outcome.RELEASED: Outcome.ALREADY_RELEASED,
    Outcome.EXPIRED: Outcome.ALREADY_EXPIRED,
}
_COMING = {Op.RECEIVE: 1, Op.RETURN: 1, Op.SHIP: -1, Op.ADJUST: 1}
_OF_RESERVATION = frozenset((Op.EXTEND, Op.COMMIT, Op.RELEASE))


class Oracle:
    """One partition from its birth on. Feed it every record of `inventory.commands` in order.

    Its state may be read between records: `positions`, `holds` by reservation id, `remembered` by generation
    (``clock // window_ms``) and id, `seq`, `clock`, `offset`. `touched` names what the last record changed.
    """

    def __init__(self, partition: int, partitions: int, keyring: Keyring, window_ms: int, sweep_limit: int) -> None:
        self.partition = partition
        self.partitions = partitions
        self.keyring = keyring
        self.window_ms = window_ms
        self.sweep_limit = sweep_limit
        self.offset = -1
        self.seq = 0
        self.clock = 0
        self.positions: dict[str, Stock] = {}
        self.holds: dict[str, Hold] = {}
        self.remembered: dict[int, dict[str, Memory]] = {}
        self.touched: list[tuple[str, str]] = []
        self._due: list[tuple[int, str]] = []
        self._verbs: dict[Op, Callable[[Admitted, Any], Decision]] = {
            Op.RESERVE: self._reserve,
            Op.EXTEND: self._extend,
            Op.COMMIT: self._end,
            Op.RELEASE: self._end,
            Op.RECEIVE: self._move,
            Op.RETURN: self._move,
            Op.SHIP: self._move,
            Op.ADJUST: self._move,
            Op.SET_REORDER: self._set_reorder,
        }

    def decide(
        self, offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None, headers: Headers | None
    ) -> list[Decision]:
        """The decisions that this record must have, as parsed JSON. `key` counts for nothing: the body does."""
        self.touched.clear()
        self.offset = offset
        if timestamp_ms > self.clock:
            self.clock = timestamp_ms
            self._forget()
        admitted = admit(value, headers or [], self.partition, self.partitions, self.keyring)
        decisions = self._sweep() if admitted.op is Op.SWEEP else [self._judge(admitted)]
        for decision in decisions:
            self.seq += 1
            decision["seq"] = self.seq
        if len(decisions) > 1:
            for index, decision in enumerate(decisions):
                decision |= {"index": index, "of": len(decisions)}
        return decisions

    def _judge(self, admitted: Admitted) -> Decision:
        """The first rung that applies."""
        command: Any = admitted.command
        if admitted.op is Op.INVALID:
            return self._invalid(admitted)
        earlier = self._known(command.id)
        if earlier is None:
            return self._verbs[admitted.op](admitted, command)
        if earlier.body != admitted.body:
            return self._say(admitted, Outcome.ID_REUSED, admitted.quantity)
        return self._replay(admitted, command, earlier)

    def _known(self, name: str) -> Memory | None:
        """What was done under that id: a reservation that is still active, or what the window remembers."""
        hold = self.holds.get(name)
        if hold is not None:
            return Memory(hold.body, Outcome.RESERVED, hold.quantity)
        return self._recall(name)

    def _recall(self, name: str) -> Memory | None:
        for done in self.remembered.values():
            if name in done:
                return done[name]
        return None

    def _replay(self, admitted: Admitted, command: Any, earlier: Memory) -> Decision:
        """The earlier outcome with the present numbers; nothing changes."""
        decision = self._say(admitted, earlier.outcome, earlier.quantity)
        decision["replayed"] = True
        for name in ("reorder_point", "reorder_quantity"):
            decision.pop(name, None)  # the first one's count, and a repeat need not name the same
        if admitted.op in (Op.RESERVE, Op.EXTEND):
            hold = self.holds.get(command.id if admitted.op is Op.RESERVE else command.reservation_id)
            if hold is not None:
                decision["expires_at_ms"] = hold.expires_at_ms
        return decision

    def _reserve(self, admitted: Admitted, command: Any) -> Decision:
        position, quantity = admitted.position or "", admitted.quantity or 0
        if self._at(position).available < quantity:
            return self._say(admitted, Outcome.INSUFFICIENT_STOCK, quantity)
        self._change(position, available=-quantity, reserved=quantity)
        expires = self.clock + command.ttl_ms
        self._hold(command.id, Hold(position, quantity, expires, admitted.body, command.channel, command.order_id))
        return self._say(admitted, Outcome.RESERVED, quantity) | {"expires_at_ms": expires}

    def _extend(self, admitted: Admitted, command: Any) -> Decision:
        hold = self._held_there(admitted, command)
        if hold is None:
            return self._not_held(admitted, command)
        hold = hold._replace(expires_at_ms=self.clock + command.ttl_ms)
        self._hold(command.reservation_id, hold)
        self._remember(command.id, Memory(admitted.body, Outcome.EXTENDED, hold.quantity))
        said = self._say(admitted, Outcome.EXTENDED, hold.quantity)
        return said | {"expires_at_ms": hold.expires_at_ms} | _whose(hold)

    def _end(self, admitted: Admitted, command: Any) -> Decision:
        """Commit or release."""
        hold = self._held_there(admitted, command)
        if hold is None:
            return self._not_held(admitted, command)
        outcome = Outcome.COMMITTED if admitted.op is Op.COMMIT else Outcome.RELEASED
        self._finish(command.reservation_id, hold, outcome)
        self._remember(command.id, Memory(admitted.body, outcome, hold.quantity))
        return self._say(admitted, outcome, hold.quantity) | _whose(hold)

    def _held_there(self, admitted: Admitted, command: Any) -> Hold | None:
        """The active reservation that is named, if it is at the position that is named. Due or not does not matter."""
        hold = self.holds.get(command.reservation_id)
        return hold if hold is not None and hold.position == admitted.position else None

    def _not_held(self, admitted: Admitted, command: Any) -> Decision:
        ended = self._recall(command.reservation_id)
        if ended is None or ended.ended is None or ended.position != admitted.position:
            return self._say(admitted, Outcome.UNKNOWN_RESERVATION, None)
        return self._say(admitted, _TOO_LATE[ended.ended], ended.quantity)

    def _move(self, admitted: Admitted, command: Any) -> Decision:
        """Receive, return, ship, adjust."""
        position, quantity = admitted.position or "", admitted.quantity or 0
        coming = quantity * _COMING[admitted.op]
        stock = self._at(position)
        if coming > 0 and stock.total + coming > MAX_LEVEL:
            return self._say(admitted, Outcome.LIMIT_EXCEEDED, quantity)
        if stock.available + coming < 0:
            return self._say(admitted, Outcome.INSUFFICIENT_STOCK, quantity)
        self._change(position, available=coming)
        self._remember(command.id, Memory(admitted.body, Outcome.APPLIED, quantity))
        return self._say(admitted, Outcome.APPLIED, quantity)

    def _set_reorder(self, admitted: Admitted, command: Any) -> Decision:
        self._remember(command.id, Memory(admitted.body, Outcome.APPLIED, None))
        return self._say(admitted, Outcome.APPLIED, None)

    def _sweep(self) -> list[Decision]:
        """Ends what is due, the earliest first, then by id; at most `sweep_limit`."""
        decisions: list[Decision] = []
        while self._due and self._due[0][0] <= self.clock and len(decisions) < self.sweep_limit:
            expires, name = heapq.heappop(self._due)
            hold = self.holds.get(name)
            if hold is None or hold.expires_at_ms != expires:
                continue  # ended or extended since
            self._finish(name, hold, Outcome.EXPIRED)
            told = self._tell("expire", Outcome.EXPIRED, hold.position, hold.quantity)
            decisions.append(told | {"id": name, "reservation_id": name} | _whose(hold))
        return decisions

    def _at(self, position: str) -> Stock:
        return self.positions.get(position, _NOTHING)

    def _change(self, position: str, available: int = 0, reserved: int = 0) -> None:
        stock = self._at(position)
        self.positions[position] = Stock(stock.available + available, stock.reserved + reserved, stock.version + 1)
        self.touched.append(("position", position))

    def _hold(self, name: str, hold: Hold) -> None:
        self.holds[name] = hold
        heapq.heappush(self._due, (hold.expires_at_ms, name))
        self.touched.append(("hold", name))

    def _finish(self, name: str, hold: Hold, outcome: Outcome) -> None:
        """The only way in which a hold ends."""
        back = 0 if outcome is Outcome.COMMITTED else hold.quantity
        self._change(hold.position, available=back, reserved=-hold.quantity)
        del self.holds[name]
        self.touched.append(("hold", name))
        self._remember(name, Memory(hold.body, Outcome.RESERVED, hold.quantity, outcome, hold.position))

    def _remember(self, name: str, memory: Memory) -> None:
        self.remembered.setdefault(self.clock // self.window_ms, {})[name] = memory
        self.touched.append(("memory", name))

    def _forget(self) -> None:
        """Of what was done, this generation and the one before are remembered."""
        oldest = self.clock // self.window_ms - 1
        while self.remembered and min(self.remembered) < oldest:
            del self.remembered[min(self.remembered)]

    def _tell(self, kind: str, outcome: Outcome, position: str, quantity: int | None) -> Decision:
        """A decision about a position, with its numbers as they are now."""
        stock = self._at(position)
        sku_id, warehouse_id = _parts(position)
        decision: Decision = {
            "type": kind, "outcome": outcome.word, "sku_id": sku_id, "warehouse_id": warehouse_id,
            "available_qty": stock.available, "reserved_qty": stock.reserved, "total_qty": stock.total,
            "version": stock.version, "line": 0, "complete": True,
            "source_offset": self.offset, "decided_at_ms": self.clock,
        }  # fmt: skip
        if quantity is not None:
            decision["quantity"] = quantity
        return decision

    def _say(self, admitted: Admitted, outcome: Outcome, quantity: int | None) -> Decision:
        """The answer to a well-formed command, with what is echoed of it."""
        command: Any = admitted.command
        decision = self._tell(command.type, outcome, admitted.position or "", quantity)
        return decision | _echo(admitted.op, command, outcome)

    def _invalid(self, admitted: Admitted) -> Decision:
        echo = {name: admitted.echo[name] for name in ("type", "id") if name in admitted.echo}
        if admitted.position is not None:
            told = self._tell("", Outcome.INVALID, admitted.position, None)
            del told["type"]
        else:
            told = {"outcome": Outcome.INVALID.word, "complete": True}
            told |= {"source_offset": self.offset, "decided_at_ms": self.clock}
        return told | echo | {"message": admitted.message}


_parts = lru_cache(maxsize=1 << 16)(split_position)


def _echo(op: Op, command: Any, outcome: Outcome) -> Decision:
    echo: Decision = {"id": command.id}
    if op is Op.RESERVE:
        echo |= {"reservation_id": command.id} | _given(command, "channel", "order_id")
    elif op in _OF_RESERVATION:
        echo["reservation_id"] = command.reservation_id
        if op is Op.RELEASE:
            echo |= _given(command, "reason")
    elif op is Op.SHIP:
        echo |= _given(command, "channel")
    elif op is Op.SET_REORDER and outcome is Outcome.APPLIED:
        echo |= _given(command, "reorder_point", "reorder_quantity")
    return echo | _given(command, "reference_id")


def _given(thing: Any, *names: str) -> Decision:
    given = {}
    for name in names:
        value = getattr(thing, name)
        if value is not None:
            given[name] = value
    return given


def _whose(hold: Hold) -> Decision:
    return _given(hold, "channel", "order_id")
