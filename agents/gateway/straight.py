"""The calls that are made most, on a shorter way: from a table straight to the route, of which FastAPI only makes the documentation.

Its routing, middlewares and dependencies were two thirds of what a reserve cost the gateway.
"""

import inspect
import json
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from onhand.agents.gateway.access import admit
from onhand.agents.gateway.context import context_of
from onhand.agents.gateway.once import Handler, OnceRoute
from onhand.agents.gateway.problems import malformed, problem_to

_GIVEN = {"request", "body", "context"}
_JSON = "application/json"


class _PlainRoute(APIRoute):
    """Of a fixed path, with an endpoint that takes `body`, and if it likes `request` and `context`; others are FastAPI's."""

    @property
    def plain(self) -> bool:
        """Whether it needs nothing of FastAPI."""
        return self.body_field is not None and not self.param_convertors and self._wanted <= _GIVEN

    def get_route_handler(self) -> Handler:
        """Lets in whoever has the scopes, checks the body, calls the endpoint: as FastAPI would."""
        form, endpoint, wanted, scopes = self.body_field, self.endpoint, self._wanted, self._scopes
        if form is None or not self.plain:
            return super().get_route_handler()

        async def handle(request: Request) -> Response:
            await admit(request, scopes)
            body, errors = form.validate(await _sent(request), loc=("body",))
            if errors:
                raise RequestValidationError(errors)
            given = {"request": request, "body": body, "context": context_of(request)}
            answer: Response = await endpoint(**{name: given[name] for name in wanted})
            return answer

        return handle

    @property
    def _wanted(self) -> frozenset[str]:
        return frozenset(inspect.signature(self.endpoint).parameters)

    @property
    def _scopes(self) -> list[str]:
        needed = [each.scopes for each in self.dependencies if isinstance(each, params.Security)]
        return [scope for scopes in needed for scope in scopes or ()]


class StraightRoute(OnceRoute, _PlainRoute):
    """What `Straight` finds, where it is plain: ``APIRouter(route_class=StraightRoute)``."""


class Straight:
    """Wraps the application: hands it what is not for a `StraightRoute` of these routers."""

    def __init__(self, app: FastAPI, prefix: str, routers: Iterable[APIRouter]) -> None:
        self._app = app
        routes = [route for router in routers for route in router.routes if isinstance(route, StraightRoute)]
        self._handlers = {
            (method, prefix + route.path): (route, route.get_route_handler())
            for route in routes
            if route.plain
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        found = self._handlers.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if found is None:
            return await self._app(scope, receive, send)
        scope["app"] = self._app
        scope["route"], handle = found
        request = Request(scope, receive)
        try:
            response = await handle(request)
        except Exception as error:  # noqa: BLE001 told and logged as the application does
            response = await problem_to(request, error)
        await response(scope, receive, send)


async def _sent(request: Request) -> Any:
    """What the body says: parsed where it is said to be JSON, else its bytes, which are of no form."""
    sent = await request.body()
    if not sent:
        raise malformed("body: is missing")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        return sent
    try:
        return json.loads(sent)
    except json.JSONDecodeError as error:
        raise malformed(f"body: is not JSON: {error.msg}") from None
    except (ValueError, RecursionError):  # no text, or nested too deeply
        raise malformed("body: is not JSON") from None
