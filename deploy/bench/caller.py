"""A caller of the gateway who keeps its connections, and calls at a steady rate."""

import asyncio
import json
import time
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp

from onhand.schemas.faults import Corrupt

_PATIENCE_S = 30.0


class Timed(NamedTuple):
    """An answer, and the seconds from when the call was due until it was read."""

    body: Any
    took_s: float


class Caller:
    """Calls one gateway with one API key; below ``/api/v1/inventory``."""

    def __init__(self, url: str, key: str) -> None:
        self._url = f"{url}/api/v1/inventory/"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    async def __aenter__(self) -> Self:
        """Connect when first needed."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_PATIENCE_S),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(_PATIENCE_S),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(self, call: str, body: Any) -> Any:
        """The answer; `Corrupt` where it is no success."""
        async with self._session.post(self._url + call, data=json.dumps(body)) as response:
            told = await response.read()
            if response.status >= 300:
                raise Corrupt(f"{call}: {response.status} {told.decode()}")
            return json.loads(told)

    async def steadily(self, call: str, bodies: Sequence[Any], per_s: float) -> list[Timed]:
        """One call for each body at that rate, however long the answers take."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as calls:
            tasks = []
            for number, body in enumerate(bodies):
                due = began + number / per_s
                if (left := due - time.monotonic()) > 0:
                    await asyncio.sleep(left)
                tasks.append(calls.create_task(self._timed(call, body, due)))
        return [task.result() for task in tasks]

    async def stream(self, call: str, lines: AsyncIterable[bytes]) -> AsyncIterator[Any]:
        """The answers to lines of JSON, while the next ones are still on their way; `Corrupt` as above."""
        kind, patience = {"Content-Type": "application/x-ndjson"}, aiohttp.ClientTimeout(sock_read=_PATIENCE_S)
        async with self._session.post(self._url + call, data=lines, headers=kind, timeout=patience) as response:
            if response.status >= 300:
                raise Corrupt(f"{call}: {response.status} {await response.text()}")
            async for line in response.content:
                yield json.loads(line)

    async def _timed(self, call: str, body: Any, due: float) -> Timed:
        answer = await self.post(call, body)
        return Timed(answer, time.monotonic() - due)
