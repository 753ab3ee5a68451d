"""A caller of the gateway."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp

API = "/api/v1"
PROBLEM = "application/problem+json"


class Told(NamedTuple):
    """An answer. A problem has the form of one, or it is an assertion."""

    status: int
    body: Any
    headers: Mapping[str, str]
    """Their names in whatever case."""

    @property
    def problem(self) -> str:
        """The word behind ``urn:onhand:problem:``."""
        assert self.headers["Content-Type"] == PROBLEM, self
        assert self.body["status"] == self.status, self
        assert self.body["title"], self
        assert self.body["detail"], self
        kind, _, word = self.body["type"].rpartition(":")
        assert kind == "urn:onhand:problem", self
        return str(word)


class Caller:
    """Calls one gateway with one API key (or none)."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url
        self._key = {"Authorization": f"Bearer {key}"} if key else {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), headers=self._key, timeout=aiohttp.ClientTimeout(30)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Told:
        """`path` below ``/api/v1``, but for one that begins with ``//``; bytes go out as they are."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        url = self.url + (path[1:] if path.startswith("//") else API + path)
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(method, url, data=data, headers=sent) as response:
            raw = await response.read()
            is_json = response.headers.get("Content-Type", "") in ("application/json", PROBLEM)
            return Told(response.status, json.loads(raw) if is_json else raw.decode(), response.headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Told:
        """A POST below ``/api/v1/inventory``."""
        return await self.call("POST", f"/inventory/{path}", body, **headers)

    async def receive(self, sku: str, quantity: int, warehouse: int = 1) -> None:
        """Stock comes in."""
        wish = {"type": "receive", "sku_id": sku, "warehouse_id": warehouse, "quantity": quantity}
        told = await self.post("movements", wish)
        assert told.status == 200, told

    async def reserve(self, sku: str, quantity: int) -> str:
        """Units are held; the reservation's id."""
        told = await self.post("reserve", [line(sku, quantity)])
        assert told.status == 201, told
        return str(told.body["reservation_id"])


def line(sku: str, quantity: int, warehouse: int = 1) -> dict[str, Any]:
    """A line of an order."""
    return {"sku_id": sku, "warehouse_id": warehouse, "quantity": quantity}


async def asked_until(ask: Callable[[], Awaitable[Told]], good: Callable[[Told], bool], within_s: float = 15) -> Told:
    """Ask again and again until the answer is good; that answer."""
    async with asyncio.timeout(within_s):
        while not good(told := await ask()):  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.02)
    return told
