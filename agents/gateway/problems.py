"""Everything that goes wrong is told as `application/problem+json` (RFC 9457), with a `type` that stays the same."""

import json
from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from onhand.schemas.codec import Malformed
from onhand.schemas.faults import Corrupt, Retryable

log = structlog.get_logger("gateway")

MEDIA_TYPE = "application/problem+json"
_TITLES = {
    "malformed": "The request is malformed",
    "unauthorized": "No valid API key",
    "forbidden": "The API key does not have the scope",
    "not-found": "There is no such thing",
    "method-not-allowed": "Not with this method",
    "locked": "Somebody else holds the lock",
    "too-large": "The request is too large",
    "too-many": "Too many requests",
    "timeout": "No answer in time",
    "unavailable": "Out of service for now",
    "key-reused": "The Idempotency-Key was used for another request",
    "internal": "An error of the gateway",
}
_OF_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 422: "malformed"}
_REASONS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field here",
    "string_pattern_mismatch": "is not well-formed",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "int_parsing_size": "must be an integer within its limits",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}
"""How a field is wrong, as commands say it too; pydantic's own words where there are no better ones."""
_TAGS = {"lines-alone", "with-options"}
"""Names of alternatives of a body, which pydantic puts into an error's place and nobody sent."""


class Problem(Exception):
    """An answer that is an error. `type` is the part behind ``urn:onhand:problem:``, an outcome's word or one of the table above."""

    def __init__(
        self, status: int, type: str, detail: str, *, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.type, self.detail, self.headers, self.extra = status, type, detail, headers, extra

    def response(self) -> Response:
        """As it goes out; fields that are None are left out."""
        title = _TITLES.get(self.type) or self.type.replace("_", " ").capitalize()
        told = {"type": f"urn:onhand:problem:{self.type}", "title": title, "status": self.status, "detail": self.detail}
        told |= {name: value for name, value in self.extra.items() if value is not None}
        return Response(json.dumps(told), self.status, self.headers, MEDIA_TYPE)


def malformed(detail: str, **extra: Any) -> Problem:
    """422: what was sent cannot be understood; `detail` is of the form ``field: reason``."""
    return Problem(422, "malformed", detail, **extra)


def unavailable(detail: str, **extra: Any) -> Problem:
    """503: a server behind the gateway is away."""
    return Problem(503, "unavailable", detail, headers={"Retry-After": "1"}, **extra)


def install(app: FastAPI) -> None:
    """Have the application tell all errors so."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Malformed, _malformed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Retryable, _retryable)
    app.add_exception_handler(Corrupt, _unexpected)
    app.add_exception_handler(Exception, _unexpected)


def problem_of(error: Exception) -> Problem:
    """The answer to a request that ended with that error, but for errors nobody thought of."""
    match error:
        case Problem():
            return error
        case Malformed():
            return malformed(error.message)
        case RequestValidationError():
            return malformed(_wrong(error.errors()))
        case HTTPException(status_code=400):  # FastAPI's, of a body that is no text
            return malformed("body: is not JSON")
        case HTTPException():
            type = _OF_STATUS.get(error.status_code, "malformed")
            return Problem(error.status_code, type, str(error.detail), headers=dict(error.headers or {}))
        case Retryable():
            return unavailable("a server behind the gateway is away or busy")
    return Problem(500, "internal", "the request was not finished; the log of the gateway says why")


def _wrong(errors: Sequence[Any]) -> str:
    """The first error as ``field: reason``."""
    error = errors[0]
    if error["type"] == "json_invalid":
        return f"body: is not JSON: {error.get('ctx', {}).get('error', '')}"
    where, *place = [str(part) for part in error["loc"] if str(part) not in _TAGS]
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    reason = _REASONS.get(error["type"], error["msg"][:1].lower() + error["msg"][1:])
    return f"{'.'.join(place)[:200] or where}: {reason}"


async def problem_to(request: Request, error: Exception) -> Response:
    """The answer to a request that ended with that error; logged where it is none of the caller's."""
    match error:
        case Retryable():
            return await _retryable(request, error)
        case Problem() | Malformed() | RequestValidationError() | HTTPException():
            return await _problem(request, error)
    return await _unexpected(request, error)


async def _problem(request: Request, error: Exception) -> Response:
    return problem_of(error).response()


_malformed = _invalid = _http = _problem


async def _retryable(request: Request, error: Exception) -> Response:
    log.warning("a server is away", path=request.url.path, fault=str(error))
    return problem_of(error).response()


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("a request was not finished", path=request.url.path, exc_info=error)
    return problem_of(error).response()
