"""A caller's side of a batch."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.gateway.http import API, Caller

PATH = f"{API}/inventory/batch"


def ndjson(wishes: Iterable[dict[str, Any]]) -> bytes:
    """A line each."""
    return b"".join(json.dumps(wish).encode() + b"\n" for wish in wishes)


def receive(sku: str, quantity: int = 1, **fields: Any) -> dict[str, Any]:
    return {"type": "receive", "sku_id": sku, "warehouse_id": 1, "quantity": quantity} | fields


async def done(caller: Caller, body: bytes, **headers: str) -> list[dict[str, Any]]:
    """The answers to a whole batch, which are in order, from 1."""
    told = await caller.post("batch", body, **headers)
    assert (told.status, told.headers["Content-Type"]) == (200, "application/x-ndjson"), told
    answers = [json.loads(line) for line in told.body.splitlines()]
    assert [answer["line"] for answer in answers] == list(range(1, len(answers) + 1))
    return answers


class Talk:
    """A batch whose lines are sent one by one while the answers are read."""

    def __init__(self, caller: Caller, key: str | None = None) -> None:
        headers = {"Content-Type": "application/x-ndjson"} | ({"Idempotency-Key": key} if key else {})
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._request = caller._session.post(caller.url + PATH, data=self._sent(), headers=headers)
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.put_nowait(None)
        if self._response is not None:
            self._response.close()

    def say(self, *wishes: dict[str, Any]) -> None:
        """Send lines."""
        self._lines.put_nowait(ndjson(wishes))

    def end(self) -> None:
        """No more lines come."""
        self._lines.put_nowait(None)

    async def hear(self) -> dict[str, Any] | None:
        """The next answer; None behind the last. Raises where they are cut off. Say something first: the call goes out with it."""
        if self._response is None:
            self._response = await self._request
        line = await self._response.content.readline()
        return json.loads(line) if line else None

    async def hear_all(self) -> tuple[list[dict[str, Any]], bool]:
        """The answers until the end, and whether it was one."""
        heard = []
        try:
            while (answer := await self.hear()) is not None:
                heard.append(answer)
        except aiohttp.ClientError:
            return heard, False
        return heard, True

    async def _sent(self) -> AsyncIterator[bytes]:
        while (line := await self._lines.get()) is not None:
            yield line
