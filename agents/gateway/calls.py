"""What a request says beside its body: under which id its command goes, and what it is traced by."""

import uuid

from fastapi import Request

from onhand.agents.ports import Headers
from onhand.schemas.events import TRACE_HEADER, trace_of
from onhand.schemas.ids import new_id

IDEMPOTENCY_KEY = "idempotency-key"


def command_id(request: Request) -> str:
    """With an Idempotency-Key the id that the same call always has; else a new one."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return new_id()
    name = f"{request.method} {request.url.path} {key}"
    return str(uuid.uuid5(uuid.UUID(request.state.holder.id), name))


def trace(request: Request) -> Headers:
    """The record headers that carry the caller's trace on."""
    sent = request.headers.get(TRACE_HEADER)
    found = trace_of([(TRACE_HEADER, sent.encode("latin-1"))]) if sent else None
    return [(TRACE_HEADER, found)] if found else []
