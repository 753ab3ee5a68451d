"""The calls that go past FastAPI are answered as if they went through it."""

import pytest

from onhand.agents.gateway.routers import ROUTERS
from onhand.agents.gateway.straight import StraightRoute
from tests.gateway.http import Caller, line


def test_the_busy_calls_go_straight() -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, StraightRoute)]
    busy = ("reserve", "commit", "release", "extend", "movements", "availability")
    assert {route.path for route in routes if route.plain} == {f"/inventory/{call}" for call in busy}


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"])
async def test_json_by_any_name(http: Caller, sku: str, kind: str) -> None:
    told = await http.post("reserve", [line(sku, 1)], Content_Type=kind)
    assert (told.status, told.problem) == (409, "insufficient_stock")


@pytest.mark.parametrize(
    ("body", "kind", "detail"),
    [
        (b"", "application/json", "body: is missing"),
        (b'[{"sku_id"', "application/json", "body: is not JSON: Expecting ':' delimiter"),
        (b"\xff\xfe\xfd", "application/json", "body: is not JSON"),
        (b"[" * 100_000, "application/json", "body: is not JSON"),
        (b"[]", "text/plain", "body: "),
        (b"null", "application/json", "body: "),
    ],
)
async def test_what_is_no_body_is_told(http: Caller, body: bytes, kind: str, detail: str) -> None:
    told = await http.post("reserve", body, Content_Type=kind)
    assert (told.status, told.problem) == (422, "malformed")
    assert told.body["detail"].startswith(detail)


async def test_other_methods_are_refused(http: Caller) -> None:
    told = await http.call("GET", "/inventory/reserve")
    assert (told.status, told.problem) == (405, "method-not-allowed")


async def test_they_are_counted_under_their_route(http: Caller) -> None:
    await http.post("extend", {})
    metrics = (await http.call("GET", "//metrics")).body
    assert 'onhand_http_requests_total{method="POST",route="/inventory/extend",status="422"}' in metrics
