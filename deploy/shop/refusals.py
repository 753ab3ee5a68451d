"""Answers that are none: what the gateway refused, as errors in plain words with the right exit code."""

from collections.abc import Iterable
from typing import Any

from onhand.deploy.shop.gateway import Answer
from onhand.deploy.stack.errors import Refused, StackError, Usage

_WORDS = {
    "id_reused": "the id was used before, for something else",
    "unknown_reservation": "there is no such reservation",
    "unknown_transfer": "no such transfer is under way",
    "already_committed": "the reservation was committed before",
    "already_released": "the reservation was released before",
    "already_expired": "the reservation has expired",
    "already_arrived": "the transfer has arrived before",
    "limit_exceeded": "a position would hold more than 2,000,000,000 units",
    "quarantined": "the position waits for a repair",
    "count_below_reserved": "fewer were counted than are reserved",
    "insufficient_channel_stock": "the channel's share is not enough",
    "insufficient_stock": "there is not enough",
}  # fmt: skip
_MALFORMED = (413, 422)
_UNKNOWN_KEY = "the API key opens nothing here: is it that of this gateway (ONHAND_API_KEY, `onhand keys`)?"


def checked(answer: Answer, again: str) -> Any:
    """The body of an answer that is good. `Refused` (exit code 1), `Usage` (2) or `StackError` (3) of every other.

    `again`: how one learns what became of a call that was not answered in time.
    """
    if answer.status < 300:
        return answer.body
    problem = answer.body if isinstance(answer.body, dict) else {}
    detail = str(problem.get("detail") or f"the gateway answered {answer.status}")
    if answer.status >= 500:
        raise StackError(f"{detail}; {again}" if answer.status in (503, 504) else detail)
    if "outcome" in problem and problem["outcome"] != "invalid":
        raise Refused(_refusal(problem))
    if answer.status == 401:
        raise Refused(_UNKNOWN_KEY)
    raise Usage(detail) if answer.status in _MALFORMED else Refused(detail)


def _refusal(problem: dict[str, Any]) -> str:
    outcome = str(problem["outcome"])
    lines = problem.get("lines") or _short(problem.get("decision"))
    return "\n".join([f"refused, {outcome}: {_WORDS.get(outcome, outcome)}", *_shorts(lines)])


def _short(decision: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The short line of a movement, where its decision tells one."""
    if not decision or "available_qty" not in decision:
        return []
    if not str(decision.get("outcome")).startswith("insufficient"):
        return []
    return [decision | {"requested": abs(decision.get("quantity", 0))}]


def _shorts(lines: Iterable[dict[str, Any]]) -> list[str]:
    words = "  {sku_id} at warehouse {warehouse_id}: {requested} wished, {available_qty} available"
    return [words.format_map(line) for line in lines]
