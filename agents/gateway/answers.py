"""Answers: JSON as it goes out, decisions as callers of HTTP read them, and refusals as problems."""

from typing import Any

import msgspec
from fastapi import Response

from onhand.agents.gateway.problems import Problem
from onhand.schemas.decisions import Decision
from onhand.schemas.events import rfc3339

_encode = msgspec.json.Encoder().encode
_OWN = ("use", "seen")
"""Bookkeeping of decisions that is onhand's own."""
REPLAYED = "Idempotency-Replayed"


def answer(body: Any, status: int = 200, replayed: bool = False) -> Response:
    """A body as JSON."""
    return Response(_encode(body), status, {REPLAYED: "true"} if replayed else None, "application/json")


def told(decision: Decision) -> dict[str, Any]:
    """A decision as in Kafka, with its times in RFC 3339 too (`decided_at` beside `decided_at_ms`)."""
    body: dict[str, Any] = msgspec.to_builtins(decision)
    for name in [name for name in body if name.endswith("_at_ms")]:
        body[name.removesuffix("_ms")] = rfc3339(body[name])
    return {name: value for name, value in body.items() if name not in _OWN}


def refusal(said: Decision, **extra: Any) -> Problem:
    """The problem that a refused command comes to: 409; 422 where the gate could not understand what the gateway could."""
    if said.outcome == "invalid":
        return Problem(422, "invalid", said.message or "the command is invalid", outcome="invalid", **extra)
    return Problem(409, said.outcome, _why(said), outcome=said.outcome, **extra)


def short_lines(decision: Decision) -> list[dict[str, Any]]:
    """The lines that there is not enough of."""
    if decision.short is not None:
        return [{name: line.get(name) for name in _SHORT} for line in decision.short]
    if not decision.outcome.startswith("insufficient"):
        return []
    one = (decision.sku_id, decision.warehouse_id, decision.quantity, decision.available_qty)
    return [dict(zip(_SHORT, one, strict=True))]


_SHORT = ("sku_id", "warehouse_id", "requested", "available_qty")


def _why(decision: Decision) -> str:
    words = decision.outcome.replace("_", " ")
    return f"{words}: {decision.position}" if decision.position else words
