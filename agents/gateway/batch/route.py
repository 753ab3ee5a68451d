"""`POST /inventory/batch`: a line of JSON (or a row of CSV) in, a line of JSON out."""

import asyncio
import math

import structlog
from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from onhand.agents.gateway import examples
from onhand.agents.gateway.access import scope
from onhand.agents.gateway.batch.forms import Form, from_csv, from_json
from onhand.agents.gateway.batch.job import Job
from onhand.agents.gateway.batch.kept import MOST_LINES, Kept, Nothing
from onhand.agents.gateway.batch.lines import Lines
from onhand.agents.gateway.batch.reading import Reading
from onhand.agents.gateway.batch.wishes import IdOf, keyed_ids, new_ids
from onhand.agents.gateway.calls import IDEMPOTENCY_KEY, command_id, trace
from onhand.agents.gateway.context import Context, Ctx
from onhand.agents.gateway.locking import JobLocks, holder_name
from onhand.agents.gateway.once import well_formed
from onhand.agents.gateway.problems import Problem
from onhand.agents.lanes import cancel
from onhand.sql.batches import Batches

log = structlog.get_logger("batch")

router = APIRouter(prefix="/inventory", tags=["movements"])

MEDIA_TYPE = "application/x-ndjson"
_MOST_AT_ONCE = 8
"""Batches of a gateway; each may hold some memory, and one alone is as quick as the gate."""
_READ_S = 60.0
"""After that a caller who does not read is given up."""


@router.post(
    "/batch", dependencies=[scope("move")], responses=examples.BATCH, openapi_extra=examples.BATCH_BODY,
    response_class=Response,
)  # fmt: skip
async def batch(request: Request, context: Ctx) -> Response:
    """Do many movements: a line each, answered in order while the next ones are still coming. A wrong line stops no other.

    Lines of one position are done in their order, and a line at the destination of a transfer above it waits for that one: so an
    `arrive` may follow its dispatch, whose line then has an `id`.

    With an Idempotency-Key a batch that broke off is sent again as it was: what was decided is not done again.
    """
    if context.batches >= _MOST_AT_ONCE:
        raise Problem(429, "too-many", f"{_MOST_AT_ONCE} batches are under way here", headers={"Retry-After": "1"})
    context.batches += 1
    lines = Lines(request, context.draining)
    try:
        await lines.begin()
        return Streamed(await _job(request, context, lines), context)
    except BaseException:
        context.batches -= 1
        await lines.close()
        raise


async def _job(request: Request, context: Context, lines: Lines) -> Job:
    key = request.headers.get(IDEMPOTENCY_KEY)
    holder = request.state.holder.id
    kept, most = Nothing(), math.inf
    id_of: IdOf = new_ids
    if key is not None:
        id_of, most = keyed_ids(holder, f"{request.method} {request.url.path} {well_formed(key)}"), MOST_LINES
        kept = await _kept(context, command_id(request))
    reading = Reading(await _form(request, lines), id_of, context.partitions, most)
    locks = JobLocks(context.locks, holder_name(holder))
    return Job(context.desk, lines, reading, kept, locks, trace(request))


async def _kept(context: Context, batch: str) -> Kept:
    batches = Batches(context.pool)
    return Kept(batches, batch, *await batches.state(batch))


async def _form(request: Request, lines: Lines) -> Form:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return from_csv(await lines.header()) if kind == "text/csv" else from_json


class Streamed(Response):
    """The answers to a batch, as they come. Where it breaks off the connection is cut, so that nobody takes it for whole."""

    def __init__(self, job: Job, context: Context) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        del self.headers["content-length"]
        self._job, self._context = job, context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send while reading. `send` waits for a caller who reads slowly."""
        running = asyncio.create_task(self._job.run())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for answers in self._job.outbox.parts():
                async with asyncio.timeout(_READ_S):
                    await send({"type": "http.response.body", "body": answers, "more_body": True})
            await running
            if self._job.whole:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            log.warning("a batch breaks off", fault=f"its answers were not read for {_READ_S:g} s")
        finally:
            self._context.batches -= 1
            await cancel(running)
            await self._job.close()
