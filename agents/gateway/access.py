"""Scopes: what a route asks of its caller's API key."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import structlog
from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from onhand.agents.gateway.context import Context, context_of
from onhand.agents.gateway.problems import Problem
from onhand.schemas.faults import Retryable
from onhand.sql.api_keys import Holder

log = structlog.get_logger("access")

Scope = Literal["read", "reserve", "move", "admin"]

_BEARER = HTTPBearer(auto_error=False, scheme_name="apiKey", description="Made by `onhand keys create`.")
_MOST_CHARS = 128


async def holder_of(request: Request) -> Holder:
    """Whose API key the request carries: 401 where none, 429 where it calls too often. Found out once for a request."""
    holder: Holder | None = getattr(request.state, "holder", None)
    if holder is None:
        holder = request.state.holder = await _found(request)
        await _within_rate(context_of(request), holder)
    return holder


async def admit(request: Request, scopes: Iterable[str]) -> Holder:
    """Who calls: 403 where their key lacks one of the scopes; else as `holder_of`."""
    holder = await holder_of(request)
    for scope in scopes:
        if scope not in holder.scopes:
            raise Problem(403, "forbidden", f"the API key does not have the scope {scope}")
    return holder


async def _found(request: Request) -> Holder:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and 0 < len(key) <= _MOST_CHARS:
        holder = await context_of(request).doorkeeper.holder(key.strip())
        if holder is not None:
            return holder
    raise Problem(401, "unauthorized", "Authorization: Bearer with an API key", headers={"WWW-Authenticate": "Bearer"})


async def _within_rate(context: Context, holder: Holder) -> None:
    """A limit that cannot be asked limits nobody."""
    try:
        wait_ms = await context.limits.wait_ms(holder.id, context.clock.now_ms())
    except Retryable as fault:
        log.warning("rates are not limited now", fault=str(fault))
        return
    if wait_ms:
        rate = context.settings.gateway_rate
        seconds = str(-(-wait_ms // 1_000))
        raise Problem(
            429, "too-many", f"more than {rate} calls a second with this key", headers={"Retry-After": seconds}
        )


async def _caller(
    request: Request,
    wanted: SecurityScopes,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Holder:
    return await admit(request, wanted.scopes)


def scope(name: Scope) -> Any:
    """A dependency that lets in keys with that scope: ``APIRouter(dependencies=[scope("read")])``, or a parameter
    ``caller: Annotated[Holder, scope("read")]`` where the route needs to know who calls."""
    return Security(_caller, scopes=[name])
