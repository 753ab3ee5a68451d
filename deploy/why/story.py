"""The story of a position: each decision that changed it or refused to, with who asked for it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from onhand.schemas.codec import Malformed, decode_command
from onhand.schemas.commands import Sweep
from onhand.schemas.decisions import Decision
from onhand.schemas.events import rfc3339
from onhand.schemas.outcomes import Outcome
from onhand.schemas.slips import Arrival, Hop, Passed, Settle, Slip, Undo, decode_slip


class Level(NamedTuple):
    """What a position holds, in units, and its version."""

    available_qty: int
    reserved_qty: int
    total_qty: int
    version: int


NOTHING = Level(0, 0, 0, 0)
"""What a position holds that was never touched."""


class Step(NamedTuple):
    """A decision about the position; `before` is None where nobody can tell any more."""

    decision: Decision
    before: Level | None
    after: Level


class Entry(NamedTuple):
    """A step of the story, with the command that asked for it."""

    step: Step
    partition: int
    id: str | None
    actor: str | None
    reference_id: str | None

    def told(self) -> dict[str, Any]:
        """As `onhand why --json` prints it; `offset` is the command's."""
        decision, before, after = self.step
        return {
            "partition": self.partition, "offset": decision.source_offset, "at": rfc3339(decision.decided_at_ms),
            "type": decision.type, "id": self.id, "outcome": decision.outcome,
            "before": before._asdict() if before else None, "after": after._asdict(),
            "actor": self.actor, "reference_id": self.reference_id,
        }  # fmt: skip


def steps(decisions: Iterable[Decision]) -> Iterator[Step]:
    """The steps that decisions about one position are, in the order of their log. What is told again after a crash is one step."""
    last_seq, before = 0, None
    for decision in decisions:
        after = _after(decision)
        if after is None or decision.seq <= last_seq:
            continue
        last_seq = decision.seq
        step = Step(decision, before or _before_the_first(decision, after), after)
        before = after
        yield step


def entries(steps: Iterable[Step], partition: int, command_at: Callable[[int], bytes | None]) -> Iterator[Entry]:
    """The steps with their commands, by the offsets that decisions name; without repeats, which change and refuse nothing anew."""
    for step in steps:
        decision = step.decision
        if decision.replayed:
            continue
        command = _client_command(command_at(decision.source_offset))
        id, reference_id = decision.id, decision.reference_id
        if command is None:
            yield Entry(step, partition, id, None, reference_id)
        else:
            yield Entry(step, partition, id or command.id, command.actor, reference_id or command.reference_id)


def _after(decision: Decision) -> Level | None:
    level = decision.available_qty, decision.reserved_qty, decision.total_qty, decision.version
    return None if None in level else Level(*level)  # type: ignore[arg-type]


def _before_the_first(decision: Decision, after: Level) -> Level | None:
    """What the first decision that is kept says of the time before it."""
    if not _changed(decision):
        return after
    if after.version <= 1:
        return NOTHING
    sign = _SIGNS.get(decision.type or "")
    if sign is None or decision.quantity is None:
        return None
    available, reserved = (each * decision.quantity for each in sign)
    if decision.type == "transfer" and decision.line == 0 and decision.reason is None:
        available = -available
    before = after.available_qty - available, after.reserved_qty - reserved
    return Level(*before, sum(before), after.version - 1)


_SIGNS = {
    "reserve": (-1, 1), "commit": (0, -1), "release": (1, -1), "expire": (1, -1), "receive": (1, 0), "return": (1, 0),
    "ship": (-1, 0), "adjust": (1, 0), "count": (1, 0), "transfer": (1, 0), "arrive": (1, 0),
}  # fmt: skip
"""What a unit of each does to available and reserved; of a transfer at its destination, or as it comes back."""


def _changed(decision: Decision) -> bool:
    try:
        done = Outcome.of_word(decision.outcome).done
    except KeyError:  # an outcome of a later version
        done = True
    return done and not decision.replayed and decision.type not in ("extend", "set_reorder") and decision.quantity != 0


def _client_command(value: bytes | None) -> Any:
    """The command that somebody sent, also where a slip of onhand's own brings it; None where nobody did."""
    try:
        return _inside(decode_slip(value or b""))
    except ValueError:  # it is no slip, as most records
        return _plain_command(value)


def _plain_command(value: bytes | None) -> Any:
    try:
        command = decode_command(value)
    except Malformed:
        return None
    return None if isinstance(command, Sweep) else command


def _inside(slip: Slip) -> Any:
    match slip:
        case Passed() | Undo() | Settle():
            return slip.command
        case Hop():
            return slip.order
        case Arrival():
            return slip.transfer
    return None
