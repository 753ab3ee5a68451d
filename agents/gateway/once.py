"""Idempotency-Key: a POST that is sent again is answered as the first time, and done once.

The key and the hash of the body are stored before anything is done. Where the process died before there was an answer, the call is run
again: its command has the same id, and the gate knows it.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from onhand.agents.gateway.access import holder_of
from onhand.agents.gateway.answers import REPLAYED
from onhand.agents.gateway.calls import IDEMPOTENCY_KEY
from onhand.agents.gateway.context import context_of
from onhand.agents.gateway.problems import Problem, malformed, problem_of
from onhand.schemas.codec import Malformed
from onhand.schemas.faults import Retryable
from onhand.sql.idempotency import Answer, Call, Idempotency, KeyReused

log = structlog.get_logger("once")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_KEY = re.compile(r"[\x20-\x7e]{1,128}")
_NOTHING_DONE = (401, 403, 413, 422, 423, 429)
_EXPECTED = (Problem, Malformed, RequestValidationError, HTTPException, Retryable)


class OnceRoute(APIRoute):
    """A route whose POST heeds the Idempotency-Key: ``APIRouter(route_class=OnceRoute)``."""

    def get_route_handler(self) -> Handler:
        """The route's own handler, run once for each key."""
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            await holder_of(request)  # before the body is looked at
            key = request.headers.get(IDEMPOTENCY_KEY) if request.method == "POST" else None
            return await handle(request) if key is None else await _once(request, key, handle)

        return once


def well_formed(key: str) -> str:
    """The key, where it is one; 422."""
    if not _KEY.fullmatch(key):
        raise malformed("Idempotency-Key: must be 1 to 128 printable characters of ASCII")
    return key


async def _once(request: Request, key: str, handle: Handler) -> Response:
    well_formed(key)
    holder = await holder_of(request)
    keys = Idempotency(context_of(request).pool)
    body_hash = hashlib.sha256(await request.body()).digest()
    call = Call(holder.id, f"{request.method} {request.url.path}", key, body_hash)
    try:
        before = await keys.claim(call)
    except KeyReused:
        raise Problem(422, "key-reused", "the Idempotency-Key was used for a call with another body") from None
    if before is not None:
        return Response(before.body, before.status, {REPLAYED: "true"}, before.content_type)
    response = await _answered(request, handle)
    await _kept(keys, call, response)
    return response


async def _answered(request: Request, handle: Handler) -> Response:
    try:
        return await handle(request)
    except _EXPECTED as error:
        return problem_of(error).response()


async def _kept(keys: Idempotency, call: Call, response: Response) -> None:
    """What a server of ours that is away prevented may be tried again with the key; so may what was refused at the door."""
    try:
        if response.status_code in _NOTHING_DONE:
            await keys.withdraw(call)
        elif response.status_code < 500:
            kind = response.headers.get("content-type", "application/json")
            await keys.answer(call, Answer(response.status_code, kind, bytes(response.body)))
    except Retryable as fault:  # the answer is right all the same; the call would be run again, with the same id
        log.warning("an answer is not kept", key_id=call.api_key_id, path=call.path, fault=str(fault))
