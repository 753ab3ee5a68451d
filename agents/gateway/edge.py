"""The edge: what is true of every request before a route sees it. Bodies have a limit, and all is counted."""

import asyncio
import time
from collections.abc import Collection
from functools import cache

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onhand.agents.gateway.problems import Problem

MAX_BODY_BYTES = 1024 * 1024
_BODY_S = 30.0

_REQUESTS = Counter("onhand_http_requests", "Requests that were answered", ["method", "route", "status"])
_SECONDS = Histogram(
    "onhand_http_request_seconds", "From a request's headers to its answer's", ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
_UNDER_WAY = Gauge("onhand_http_requests_under_way", "Requests that wait for their answer")
_answered, _took = cache(_REQUESTS.labels), cache(_SECONDS.labels)
"""Methods, routes and statuses are few, and looking them up costs more than counting."""


class Edge:
    """Wraps the application. `streamed`: paths whose bodies may be of any length; others are read before the route is called."""

    def __init__(self, app: ASGIApp, streamed: Collection[str] = ()) -> None:
        self._app = app
        self._streamed = streamed
        self.under_way = 0
        self.quiet = asyncio.Event()
        """Nothing is under way."""
        self.quiet.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; what is no HTTP (as the lifespan) goes through."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        with _Measured(self, scope) as measured:
            await self._bounded(scope, receive, measured.listening(send))

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in self._streamed:
            return await self._app(scope, receive, send)
        try:
            body = await _body(scope, receive)
        except Problem as problem:
            response = problem.response()
            response.headers["Connection"] = "close"  # the rest of the body would be taken for the next request
            return await response(scope, receive, send)
        await self._app(scope, _Replay(body, receive), send)


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body; 413 where it is too large, 408 where it does not come."""
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if not declared.isdigit() or int(declared[:20]) > MAX_BODY_BYTES:
        raise _too_large()
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(_BODY_S):
            while more:
                message = await receive()
                part = message.get("body", b"")
                size += len(part)
                if size > MAX_BODY_BYTES:
                    raise _too_large()
                parts.append(part)
                more = message.get("more_body", False)
    except TimeoutError as late:
        raise Problem(408, "timeout", f"the body did not come within {_BODY_S:g} s") from late
    return b"".join(parts)


def _too_large() -> Problem:
    return Problem(413, "too-large", f"the body is larger than {MAX_BODY_BYTES} bytes")


class _Replay:
    """Hands on a body that was read already."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()  # that the caller went away
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Measured:
    """One request, counted under the route that answered it."""

    def __init__(self, edge: Edge, scope: Scope) -> None:
        self._edge, self._scope = edge, scope
        self._began = time.perf_counter()
        self._status = 500

    def __enter__(self) -> "_Measured":
        self._edge.under_way += 1
        self._edge.quiet.clear()
        _UNDER_WAY.inc()
        return self

    def __exit__(self, *_: object) -> None:
        self._edge.under_way -= 1
        if not self._edge.under_way:
            self._edge.quiet.set()
        _UNDER_WAY.dec()
        route = getattr(self._scope.get("route"), "path", "none")
        _answered(self._scope["method"], route, self._status).inc()
        _took(self._scope["method"], route).observe(time.perf_counter() - self._began)

    def listening(self, send: Send) -> Send:
        """`send`, overheard for the status."""

        async def overheard(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
            await send(message)

        return overheard
