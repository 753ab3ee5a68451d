"""One partition of the reference model: a record comes in, decisions and slips go out."""

from collections.abc import Callable
from typing import Any

from onhand.deploy.audit.oracle import movements, orders, reservations, transfers
from onhand.deploy.audit.oracle.desk import Decision, Desk
from onhand.deploy.audit.record import Headers
from onhand.deploy.audit.state import Memory
from onhand.schemas.admission import Admitted, admit
from onhand.schemas.commands import Op
from onhand.schemas.outcomes import Outcome
from onhand.schemas.signing import Keyring

_Verb = Callable[[Desk, Admitted], list[Decision]]


class Oracle(Desk):
    """One partition from its birth on. Feed it every record of `inventory.commands` in order.

    Beside its state (`Shelf`), `offset` and `seq` of the last record and decision may be read between records.
    """

    def __init__(self, partition: int, partitions: int, keyring: Keyring, window_ms: int, sweep_limit: int) -> None:
        super().__init__(partition, partitions, window_ms, sweep_limit)
        self.keyring = keyring
        self.seq = 0
        self.unsaid: dict[int, tuple[int, int]] = {}
        """Of `seen`, what no decision has told yet."""
        self.stamp: tuple[int, int, int] | None = None
        """Of the last record, if it is a slip."""

    def decide(
        self, offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None, headers: Headers | None
    ) -> list[Decision]:
        """The decisions that this record must have, as parsed JSON. `key` counts for nothing: the body does.

        `forwards` has then the slips that it must send, in their order. `Corrupt` for a slip that cannot be.
        """
        self.touched.clear()
        self.forwards.clear()
        self.offset = offset
        self.tick(timestamp_ms)
        admitted = admit(value, headers or [], self.partition, self.partitions, self.keyring)
        self.stamp = None if admitted.slip is None else admitted.slip.stamp
        if self.stamp is not None and not self._is_first_copy(self.stamp):
            return []
        decisions = self._judge(admitted)
        if decisions:
            self._number(decisions)
        return decisions

    def _is_first_copy(self, stamp: tuple[int, int, int]) -> bool:
        """Slips of a partition come in order; what is not above the last of them has come before."""
        source, *place = stamp
        first = (place[0], place[1])
        if source in self.seen and first <= self.seen[source]:
            return False
        self.seen[source] = self.unsaid[source] = first
        return True

    def _judge(self, admitted: Admitted) -> list[Decision]:
        """The first rung that applies."""
        verb = _VERBS.get(admitted.op)
        if verb is None:
            return _OWN_LADDERS[admitted.op](self, admitted)
        command: Any = admitted.command
        earlier = self.known(command.id)
        if earlier is None:
            return verb(self, admitted)
        if earlier.body != admitted.body:
            return [self.say(admitted, Outcome.ID_REUSED, self._wished(admitted))]
        return [self._replay(admitted, command, earlier)]

    def _wished(self, admitted: Admitted) -> int | None:
        return movements.found_more(self, admitted) if admitted.op is Op.COUNT else admitted.quantity

    def _replay(self, admitted: Admitted, command: Any, earlier: Memory) -> Decision:
        """The earlier outcome with the present numbers; nothing changes."""
        decision = self.say(admitted, earlier.outcome, earlier.quantity)
        decision["replayed"] = True
        for name in ("reorder_point", "reorder_quantity"):
            decision.pop(name, None)  # the first one's count, and a repeat need not name the same
        if admitted.op in (Op.RESERVE, Op.EXTEND):
            hold = self.holds.get(command.id if admitted.op is Op.RESERVE else command.reservation_id)
            if hold is not None:
                decision["expires_at_ms"] = hold.expires_at_ms
        return decision

    def _number(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            self.seq += 1
            decision["seq"] = self.seq
        if len(decisions) > 1:
            for index, decision in enumerate(decisions):
                decision |= {"index": index, "of": len(decisions)}
        if self.unsaid:
            decisions[0]["seen"] = [[source, *place] for source, place in sorted(self.unsaid.items())]
            self.unsaid.clear()


def _invalid(desk: Desk, admitted: Admitted) -> list[Decision]:
    echo = {name: admitted.echo[name] for name in ("type", "id") if name in admitted.echo}
    told = desk.tell("", Outcome.INVALID, admitted.position, None)
    del told["type"]
    return [told | echo | {"message": admitted.message}]


_VERBS: dict[Op, _Verb] = {
    Op.RESERVE: reservations.reserve,
    Op.EXTEND: reservations.end_or_extend,
    Op.COMMIT: reservations.end_or_extend,
    Op.RELEASE: reservations.end_or_extend,
    Op.RECEIVE: movements.move,
    Op.RETURN: movements.move,
    Op.SHIP: movements.move,
    Op.ADJUST: movements.move,
    Op.SET_REORDER: movements.set_reorder,
    Op.COUNT: movements.count,
    Op.ARRIVE: transfers.arrive,
}
"""Those that are asked first whether their id was used before."""
_OWN_LADDERS: dict[Op, _Verb] = {
    Op.INVALID: _invalid,
    Op.TRANSFER: transfers.transfer,
    Op.ARRIVAL: transfers.arrival,
    Op.UNDO_TRANSFER: transfers.undo,
    Op.ORDER: orders.order,
    Op.UNDO_ORDER: orders.undo,
    Op.PASS: orders.pass_on,
    Op.SETTLE: reservations.settle,
    Op.UNPLACED: reservations.unplaced,
    Op.SWEEP: reservations.sweep,
}
