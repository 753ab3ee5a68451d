"""What counts, transfers and orders do to the ledger beyond what one-line commands do, and what is remembered of them."""

from typing import Any

from onhand.agents.ledger.folding import Checked, Folding, Told
from onhand.schemas.codec import use_hash
from onhand.schemas.outcomes import Outcome
from onhand.schemas.positions import position_key
from onhand.sql.remembered import Entry, Lines
from onhand.sql.window import Movement, Transfer, movement_id


def counted(folding: Folding, told: Told, decision: Checked) -> None:
    """A count that found another number is an adjust by the difference."""
    delta, position = decision.quantity, str(told.position)
    if delta:
        folding.change(told, delta)
        _append(folding, told, "adjust", delta)
    body = use_hash(f"count {position} {decision.total_qty}")
    _remember(folding, told, Entry(decision.id, decision.decided_at_ms, body, Outcome.APPLIED, delta))


def transferred(folding: Folding, told: Told, decision: Checked) -> None:
    """Line 0 at the source, 1 at the destination; without an id it is undone at the source."""
    quantity, transfer = decision.quantity, _transfer(folding, decision)
    if decision.id is None:
        folding.change(told, quantity)
        _append(folding, told, "transfer", quantity, -decision.dest_warehouse)
        transfer.status = "undone"
    elif decision.line == 0:
        folding.change(told, -quantity)
        _append(folding, told, "transfer", quantity, decision.dest_warehouse)
        transfer.shipped += quantity
        transfer.mode, transfer.expected_at_ms = decision.mode, decision.expected_at_ms
    elif decision.mode == "dispatch":
        transfer.awaited = decision.use.units
    elif quantity:
        folding.change(told, quantity)
        transfer.arrived += quantity
        transfer.mode, transfer.status = decision.mode, "ended"
    if decision.id is None and decision.use.refused is None:
        return
    if decision.line == 0 or quantity:
        outcome = Outcome.APPLIED if decision.id else Outcome.of_word(decision.use.refused)
        _remember(folding, told, _use(decision, decision.transfer_id, outcome, quantity))


def arrived(folding: Folding, told: Told, decision: Checked) -> None:
    """Units came in; what was missing or too many is an adjust at the destination."""
    quantity, discrepancy, position = decision.quantity, decision.discrepancy or 0, str(told.position)
    transfer = _transfer(folding, decision)
    transfer.arrived += quantity
    transfer.adjusted += discrepancy
    if quantity:
        folding.change(told, quantity)
    if discrepancy:
        _append(folding, told, "adjust", discrepancy)
    body = use_hash(f"arrive {position} {quantity} {decision.transfer_id}")
    _remember(folding, told, Entry(decision.id, decision.decided_at_ms, body, Outcome.APPLIED, quantity))
    if decision.final:
        transfer.status = "ended"
        ended = _use(decision, decision.transfer_id, Outcome.APPLIED, None)
        _remember(folding, told, ended._replace(ended=Outcome.APPLIED, at=position))


def remember_order(folding: Folding, told: Told) -> None:
    """A line of an order was settled, extended or undone: the order's end and the ending command, each once for all its lines."""
    decision: Checked = told.decision
    use, id, position = decision.use, decision.reservation_id, str(told.position)
    if use.refused is not None:
        outcome = Outcome.of_word(use.refused)
        return _remember(folding, told, _use(decision, id, outcome, None)._replace(short=_short(use.short)))
    how = Outcome.of_word(decision.outcome)
    if how is not Outcome.EXTENDED:
        _remember_end(folding, told, how)
    if use.at is not None:
        body = use_hash(f"{decision.type} {use.at} {id}")
        known = folding.uses.get((decision.source_offset, decision.id))
        quantity = decision.quantity if position == use.at else known and known.quantity
        _remember(folding, told, Entry(decision.id, decision.decided_at_ms, body, how, quantity))
    return None


def remember_refusal(folding: Folding, told: Told) -> None:
    """An order, or a transfer at its destination, was refused for good."""
    decision: Checked = told.decision
    is_transfer = decision.transfer_id is not None
    id, quantity = (decision.transfer_id, decision.quantity) if is_transfer else (decision.reservation_id, None)
    refused = _use(decision, id, Outcome.of_word(decision.outcome), quantity)
    _remember(folding, told, refused._replace(short=_short(decision.short)))


def _remember_end(folding: Folding, told: Told, how: Outcome) -> None:
    decision: Checked = told.decision
    line: Lines = [str(told.position), decision.quantity, decision.line]
    known = folding.uses.get((decision.source_offset, decision.reservation_id))
    if known is not None and isinstance(known.at, list):
        known.at.extend(line)
    else:
        ended = _use(decision, decision.reservation_id, Outcome.RESERVED, decision.quantity)
        _remember(folding, told, ended._replace(ended=how, at=line))


def _remember(folding: Folding, told: Told, entry: Entry) -> None:
    folding.uses[told.decision.source_offset, entry.id] = entry


def _use(decision: Checked, id: str, outcome: Outcome, quantity: int | None) -> Entry:
    use = decision.use
    return Entry(id, decision.decided_at_ms, use.hash, outcome, quantity, opened_at_ms=use.opened_at_ms)


def _short(short: list[dict[str, Any]] | None) -> Lines | None:
    if short is None:
        return None
    flat: Lines = []
    for line in short:
        flat += [
            line["line"],
            position_key(line["sku_id"], line["warehouse_id"]),
            line["requested"],
            line["available_qty"],
        ]
    return flat


def _transfer(folding: Folding, decision: Checked) -> Transfer:
    id, opened_at_ms, use = decision.transfer_id, decision.use.opened_at_ms, decision.use.hash
    key = id, opened_at_ms, use
    transfer = folding.transfers.get(key)
    if transfer is None:
        ends = (
            decision.source_warehouse,
            decision.warehouse_id if decision.type == "arrive" else decision.dest_warehouse,
        )
        transfer = folding.transfers[key] = Transfer(id, opened_at_ms, decision.sku_id, *ends, use)
    return transfer


def _append(folding: Folding, told: Told, type: str, quantity: int, other: int = 0) -> None:
    decision: Checked = told.decision
    id = movement_id(decision.decided_at_ms, folding.partition, decision.seq)
    row = id, str(told.position), type, quantity, decision.reference_id, decision.decided_at_ms, told.trace, other
    folding.movements.append(Movement(*row))
