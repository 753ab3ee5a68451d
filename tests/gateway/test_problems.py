"""What goes wrong before a command is made: keys, scopes, forms, limits. All is told as problem+json."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from onhand.deploy.stack import Stack
from tests.gateway.http import API, PROBLEM, Caller, line

LINE = line("A", 1)


@pytest.mark.parametrize("key", [None, "", "onhand_nobodys", "x" * 5_000])
async def test_without_a_valid_key_nothing_is_told(system: Stack, key: str | None) -> None:
    async with Caller(system.endpoints["gateway"], key) as stranger:
        for sent in (b"{nope", json.dumps([LINE]).encode()):
            told = await stranger.post("reserve", sent)
            assert (told.status, told.problem, told.headers["WWW-Authenticate"]) == (401, "unauthorized", "Bearer")


@pytest.mark.parametrize(
    ("method", "path", "status", "problem"),
    [
        ("GET", "//nowhere", 404, "not-found"),
        ("POST", "/inventory/nowhere", 404, "not-found"),
        ("GET", "/inventory/reserve", 405, "method-not-allowed"),
        ("DELETE", "/inventory/commit", 405, "method-not-allowed"),
    ],
)
async def test_what_is_not_there_is_told(http: Caller, method: str, path: str, status: int, problem: str) -> None:
    told = await http.call(method, path)
    assert (told.status, told.problem) == (status, problem)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "body: is missing"),
        (b"{nope", "body: is not JSON"),
        (b"\xff\xfe", "body: "),
        (b'"lines"', "body: must be an object"),
        (b"{}", "lines: is missing"),
        (b"[]", "body: "),
        (b'{"lines": []}', "lines: "),
        ([LINE] * 101, "body: "),
        ([LINE | {"quantity": 1.5}], "0.quantity: must be an integer"),
        ([LINE | {"quantity": True}], "0.quantity: must be an integer"),
        ([LINE | {"quantity": 1_000_000_001}], "0.quantity: "),
        ([LINE | {"sku_id": "a b"}], "0.sku_id: is not well-formed"),
        ([LINE | {"warehouse_id": 32_768}], "0.warehouse_id: "),
        ([LINE | {"colour": "red"}], "0.colour: is not a field here"),
        ({"lines": [LINE], "ttl_s": 86_401}, "ttl_s: "),
        ({"lines": [LINE], "ttl_s": 0}, "ttl_s: "),
        ({"lines": [LINE], "channel": "Web"}, "channel: is not well-formed"),
        ({"lines": [LINE], "order_id": "a\nb"}, "order_id: is not well-formed"),
        (
            {"lines": [LINE], "reservation_id": "0199C0DE-7A3B-7C11-9D2E-5F6A7B8C9D0E"},
            "reservation_id: is not well-formed",
        ),
        ({"lines": [LINE], "ttl_ms": 5}, "ttl_ms: is not a field here"),
    ],
)
async def test_what_is_malformed_is_named(http: Caller, body: Any, detail: str) -> None:
    told = await http.post("reserve", body)
    assert (told.status, told.problem) == (422, "malformed")
    assert told.body["detail"].startswith(detail), told.body


async def test_a_large_body_is_refused_whether_its_length_is_told_or_not(system: Stack, http: Caller) -> None:
    told = await http.post("reserve", b"[" + b" " * (1024 * 1024))
    assert (told.status, told.problem) == (413, "too-large")

    async def pieces() -> Any:
        for _ in range(17):
            yield b" " * 65_536

    headers = {"Authorization": f"Bearer {system.endpoints['api_key']}"}
    url = f"{system.endpoints['gateway']}{API}/inventory/reserve"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=pieces()) as response:
        assert (response.status, response.headers["Content-Type"]) == (413, PROBLEM)
    assert (await http.call("GET", "//livez")).status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nX: " + b"x" * 40_000, b"431"),
        (b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 10_000, b"431"),
        (b"GET /" + b"x" * 40_000, b"431"),
        (b"what is this\r\n\r\n", b"400"),
    ],
)
async def test_endless_headers_and_what_is_no_http_end_the_connection(
    system: Stack, sent: bytes, status: bytes
) -> None:
    host, _, port = system.endpoints["gateway"].removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    told = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert told.startswith(b"HTTP/1.1 " + status)
    assert PROBLEM.encode() in told


async def test_health_and_metrics_need_no_key(system: Stack) -> None:
    async with Caller(system.endpoints["gateway"], None) as anybody:
        assert (await anybody.call("GET", "//livez")).body == {"status": "live"}
        assert (await anybody.call("GET", "//readyz")).body == {"status": "ready"}
        metrics = (await anybody.call("GET", "//metrics")).body
    assert 'onhand_http_requests_total{method="GET",route="/readyz",status="200"}' in metrics


async def test_openapi_has_an_example_of_every_call(system: Stack) -> None:
    async with Caller(system.endpoints["gateway"], None) as anybody:
        told = (await anybody.call("GET", "//openapi.json")).body
    calls = [
        (path, method, call)
        for path, methods in told["paths"].items()
        for method, call in methods.items()
        if path.startswith(f"{API}/inventory") and method in ("post", "put")
    ]
    assert {path.removeprefix(f"{API}/inventory/") for path, _, _ in calls} >= {
        "reserve",
        "commit",
        "release",
        "extend",
        "movements",
        "batch",
    }
    for path, method, call in calls:
        for content in call["requestBody"]["content"].values():
            schema = told["components"]["schemas"].get(content["schema"].get("$ref", "").rpartition("/")[2], {})
            assert {*content, *schema} & {"example", "examples"} or _exemplary(schema), (path, method)
        assert call["security"], (path, method)
        assert call["responses"]["422"]["content"].keys() == {PROBLEM}, (path, method)


def _exemplary(schema: dict[str, Any]) -> bool:
    return bool(schema) and all("examples" in schema["properties"][name] for name in schema["required"])
