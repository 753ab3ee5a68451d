"""Where a record is decided: what is told about it, and what is sent to other partitions."""

from functools import lru_cache
from typing import Any

from onhand.deploy.audit.oracle.shelf import Shelf
from onhand.deploy.audit.state import Hold
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Op
from onhand.schemas.outcomes import Outcome
from onhand.schemas.positions import split_position

Decision = dict[str, Any]

_OF_RESERVATION = frozenset((Op.EXTEND, Op.COMMIT, Op.RELEASE))


class Desk(Shelf):
    """A partition with the record at hand, at `offset`. `forwards`: for each slip that it sends, the partition and the value."""

    def __init__(self, partition: int, partitions: int, window_ms: int, sweep_limit: int) -> None:
        super().__init__(window_ms)
        self.partition = partition
        self.partitions = partitions
        self.sweep_limit = sweep_limit
        self.offset = -1
        self.forwards: list[tuple[int, bytes]] = []

    def tell(
        self,
        kind: str,
        outcome: Outcome,
        position: str | None,
        quantity: int | None,
        line: int = 0,
        complete: bool = True,
    ) -> Decision:
        """A decision, about a position with its numbers as they are now, or about none."""
        if position is None:
            decision: Decision = {
                "type": kind, "outcome": outcome.word, "complete": complete,
                "source_offset": self.offset, "decided_at_ms": self.clock,
            }  # fmt: skip
        else:
            stock = self.at(position)
            sku_id, warehouse_id = _parts(position)
            decision = {
                "type": kind, "outcome": outcome.word, "sku_id": sku_id, "warehouse_id": warehouse_id,
                "available_qty": stock.available, "reserved_qty": stock.reserved, "total_qty": stock.total,
                "version": stock.version, "line": line, "complete": complete,
                "source_offset": self.offset, "decided_at_ms": self.clock,
            }  # fmt: skip
        if quantity is not None:
            decision["quantity"] = quantity
        return decision

    def say(self, admitted: Admitted, outcome: Outcome, quantity: int | None) -> Decision:
        """The answer to a well-formed command about one position, with what is echoed of it."""
        command: Any = admitted.command
        decision = self.tell(command.type, outcome, admitted.position, quantity)
        return decision | echo(admitted.op, command, outcome)

    def send(self, to: int, slip: Any, **fields: Any) -> None:
        """Sends a slip of that kind, stamped with the record at hand."""
        stamp = self.partition, self.offset, len(self.forwards)
        self.forwards.append((to, slip(stamp=stamp, to=to, **fields).to_json()))


_parts = lru_cache(maxsize=1 << 16)(split_position)


def echo(op: Op, command: Any, outcome: Outcome) -> Decision:
    """What a decision repeats of its command."""
    said: Decision = {"id": command.id}
    if op in (Op.RESERVE, Op.ORDER):
        said |= {"reservation_id": command.id} | given(command, "channel", "order_id")
    elif op in _OF_RESERVATION:
        said["reservation_id"] = command.reservation_id
        if op is Op.RELEASE:
            said |= given(command, "reason")
    elif op is Op.SHIP:
        said |= given(command, "channel")
    elif op is Op.ARRIVE:
        said["transfer_id"] = command.transfer_id
    elif op is Op.SET_REORDER and outcome is Outcome.APPLIED:
        said |= given(command, "reorder_point", "reorder_quantity")
    return said | given(command, "reference_id")


def given(thing: Any, *names: str) -> Decision:
    """Those of its fields that are there."""
    fields = {}
    for name in names:
        value = getattr(thing, name)
        if value is not None:
            fields[name] = value
    return fields


def whose(hold: Hold) -> Decision:
    """For whom a reservation is."""
    return given(hold, "channel", "order_id")
