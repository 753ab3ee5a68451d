"""What a request says beside its body: under which id its command goes, and what it is traced by."""

import os
import time
import uuid

from fastapi import Request

from onhand.agents.ports import Headers
from onhand.schemas.events import TRACE_HEADER, trace_of

IDEMPOTENCY_KEY = "idempotency-key"


def command_id(request: Request) -> str:
    """With an Idempotency-Key the id that the same call always has; else a new one, of version 7, which the ledger likes best."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return new_id()
    name = f"{request.method} {request.url.path} {key}"
    return str(uuid.uuid5(uuid.UUID(request.state.holder.id), name))


def new_id(now_ms: int | None = None) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then random."""
    stamp = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    bits = stamp << 80 | int.from_bytes(os.urandom(10), "big")
    return str(uuid.UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def trace(request: Request) -> Headers:
    """The record headers that carry the caller's trace on."""
    sent = request.headers.get(TRACE_HEADER)
    found = trace_of([(TRACE_HEADER, sent.encode("latin-1"))]) if sent else None
    return [(TRACE_HEADER, found)] if found else []
