"""The fold: decisions of a partition, in order of seq, become what one window does to the ledger. Pure.

Numbers are taken from the decisions as they stand, first and last per position; nothing is decided here. What decisions should
never hold (a hold that ends twice, a version that skips) becomes a note, since a decision is public and is not refused.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from onhand.agents.ledger import legs
from onhand.agents.ledger.folding import Checked, Folding, Told, hold_key
from onhand.schemas.decisions import Decision
from onhand.schemas.faults import Corrupt
from onhand.schemas.positions import position_key
from onhand.sql.remembered import Kind
from onhand.sql.window import Movement, Sale, Window, movement_id

_DAY_MS = 86_400_000


def fold(partition: int, decisions: Sequence[Told]) -> Window:
    """The window of some decisions, at least one, whose seqs follow each other. `Corrupt` where a field is missing."""
    folding = Folding(partition)
    for told in decisions:
        decision = told.decision
        if decision.seen is not None:
            folding.seen |= {partition: (offset, index) for partition, offset, index in decision.seen}
        effect = None if decision.replayed else _effect_of(decision)
        if effect is not None:
            effect.apply(folding, told, decision)
    return folding.window(decisions[0].decision.seq - 1, decisions[-1])


def _reserved(folding: Folding, told: Told, decision: Checked) -> None:
    key = hold_key(told)
    folding.change(told, -decision.quantity)
    if key in folding.begun:
        folding.note("reserved_twice", told, f"reservation {decision.reservation_id}")
    else:
        folding.begun[key] = (told, None)


def _extended(folding: Folding, told: Told, decision: Checked) -> None:
    reservation_id, key, at = decision.reservation_id, hold_key(told), decision.expires_at_ms
    begun = folding.begun.get(key)
    if begun is None:
        folding.extended[reservation_id] = at
    else:
        later = replace(begun[0].decision, expires_at_ms=at)
        folding.begun[key] = (begun[0]._replace(decision=later), begun[1])
    _remember(folding, told, Kind.EXTEND)


def _committed(folding: Folding, told: Told, decision: Checked) -> None:
    reservation_id, quantity, at = decision.reservation_id, decision.quantity, decision.decided_at_ms
    folding.change(told, 0)
    folding.end(reservation_id, "committed", told)
    id, position = movement_id(at, folding.partition, decision.seq), str(told.position)
    order_id, line, version = decision.order_id, decision.line, decision.version
    folding.sales.append(Sale(id, reservation_id, order_id, line, position, quantity, version, at, told.trace))
    _remember(folding, told, Kind.COMMIT)


def _released(folding: Folding, told: Told, decision: Checked) -> None:
    folding.change(told, decision.quantity)
    folding.end(decision.reservation_id, "released", told)
    _remember(folding, told, Kind.RELEASE)


def _expired(folding: Folding, told: Told, decision: Checked) -> None:
    folding.change(told, decision.quantity)
    folding.end(decision.reservation_id, "expired", told)
    _remember(folding, told, Kind.EXPIRE)


def _remember(folding: Folding, told: Told, kind: Kind) -> None:
    """What was done to a reservation, under its id and that of the command."""
    decision: Checked = told.decision
    if decision.use is not None:
        legs.remember_order(folding, told)
    elif kind is Kind.EXPIRE:
        folding.remember(kind, told, decision.reservation_id, None)
    elif decision.id is None:
        raise Corrupt(f"the decision with seq {decision.seq}, {decision.outcome}, lacks id")
    else:
        folding.remember(kind, told, decision.id, decision.reservation_id)


_MOVES = {
    "receive": (Kind.RECEIVE, 1),
    "return": (Kind.RETURN, 1),
    "ship": (Kind.SHIP, -1),
    "adjust": (Kind.ADJUST, 1),
}
"""Movements by the type of their command: how they are remembered, and which way the units go."""


def _moved(folding: Folding, told: Told, decision: Checked) -> None:
    kind, sign = _MOVES[decision.type]
    quantity, at = decision.quantity, decision.decided_at_ms
    folding.change(told, sign * quantity)
    id, reference = movement_id(at, folding.partition, decision.seq), decision.reference_id
    folding.movements.append(Movement(id, str(told.position), decision.type, quantity, reference, at, told.trace))
    folding.remember(kind, told, decision.id, None)


def _reordered(folding: Folding, told: Told, decision: Checked) -> None:
    folding.reorders[str(told.position)] = told
    folding.remember(Kind.SET_REORDER, told, decision.id, None)


def _refused(folding: Folding, told: Told, decision: Checked) -> None:
    """Demand that was not met: what a customer wished, of an order the lines that fell short."""
    if decision.use is not None:
        legs.remember_refusal(folding, told)
    if decision.type in ("reserve", "ship"):
        day = decision.decided_at_ms // _DAY_MS
        for position, units in _short(decision) if decision.short else [(str(told.position), decision.quantity)]:
            folding.refused[day, position] = folding.refused.get((day, position), 0) + units


def _remembered(folding: Folding, told: Told, decision: Checked) -> None:
    """Of a refusal that counts for an order or a transfer as a whole."""
    if decision.use is not None:
        legs.remember_refusal(folding, told)


def _short(decision: Checked) -> list[tuple[str, int]]:
    """Position and units wished of each line that fell short."""
    lines = [(line.get("sku_id"), line.get("warehouse_id"), line.get("requested")) for line in decision.short]
    if [tuple(map(type, line)) for line in lines] != [(str, int, int)] * len(lines):
        raise Corrupt(f"the decision with seq {decision.seq}, {decision.outcome}, has short lines that are none")
    return [(position_key(sku_id, warehouse_id), units) for sku_id, warehouse_id, units in lines]


class _Effect(NamedTuple):
    """What a decision does, and the fields that it cannot do so without."""

    apply: Callable[[Folding, Told, Checked], None]
    needs: tuple[str, ...]
    needed: Callable[[Decision], tuple[object, ...]]


def _effect(apply: Callable[[Folding, Told, Checked], None], *needs: str) -> _Effect:
    """Of two needs at least: of one `attrgetter` makes no tuple."""
    return _Effect(apply, needs, attrgetter(*needs))


_NUMBERS = "sku_id", "available_qty", "reserved_qty", "version"
_EFFECTS = {
    "reserved": _effect(_reserved, "reservation_id", "quantity", "line", "expires_at_ms", *_NUMBERS),
    "extended": _effect(_extended, "id", "reservation_id", "expires_at_ms", *_NUMBERS),
    "committed": _effect(_committed, "id", "reservation_id", "quantity", "line", *_NUMBERS),
    "released": _effect(_released, "reservation_id", "quantity", "line", *_NUMBERS),
    "expired": _effect(_expired, "reservation_id", "quantity", "line", *_NUMBERS),
    "insufficient_stock": _effect(_refused, "quantity", "sku_id"),
    "insufficient_channel_stock": _effect(_refused, "quantity", "sku_id"),
    "already_expired": _effect(_remembered, "outcome", "seq"),
    "limit_exceeded": _effect(_remembered, "outcome", "seq"),
}
"""What each outcome does but `applied`; those that do not stand here do nothing to the ledger."""
_APPLIED = dict.fromkeys(_MOVES, _effect(_moved, "id", "quantity", *_NUMBERS)) | {
    "set_reorder": _effect(_reordered, "id", "reorder_point", "reorder_quantity", *_NUMBERS),
    "count": _effect(legs.counted, "id", "quantity", "total_qty", *_NUMBERS),
    "transfer": _effect(
        legs.transferred,
        "transfer_id",
        "quantity",
        "line",
        "source_warehouse",
        "dest_warehouse",
        "mode",
        "use",
        *_NUMBERS,
    ),
    "arrive": _effect(legs.arrived, "id", "transfer_id", "quantity", "source_warehouse", "final", "use", *_NUMBERS),
}
"""What it does that a command of that type was `applied`."""


def _effect_of(decision: Decision) -> _Effect | None:
    applied = decision.outcome == "applied"
    effect = _APPLIED.get(str(decision.type)) if applied else _EFFECTS.get(decision.outcome)
    if effect is None and applied:
        raise Corrupt(f"the decision with seq {decision.seq} applied what the ledger does not know: {decision.type}")
    if effect is not None and None in effect.needed(decision):
        lacks = [name for name in effect.needs if getattr(decision, name) is None]
        raise Corrupt(f"the decision with seq {decision.seq}, {decision.outcome}, lacks {', '.join(lacks)}")
    return effect
