"""What operators ask: outside `/api/v1`, without a key."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from onhand.agents.gateway.answers import answer
from onhand.agents.gateway.context import Ctx
from onhand.agents.gateway.problems import unavailable

router = APIRouter(tags=["health"])


@router.get("/livez")
async def live() -> Response:
    """The process runs."""
    return answer({"status": "live"})


@router.get("/readyz")
async def ready(context: Ctx) -> Response:
    """Commands are answered: decisions are heard from the end of their log on, and the process is not about to end."""
    if context.draining.is_set():
        raise unavailable("the gateway is about to end")
    if not context.desk.ready:
        raise unavailable("decisions are not heard yet")
    return answer({"status": "ready"})


@router.get("/metrics")
async def metrics() -> Response:
    """For Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
