"""Sending a batch and reading its answers, at the same time; again where the connection is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import msgspec

from onhand.deploy.shop.gateway import Answer, Gateway
from onhand.deploy.shop.refusals import checked
from onhand.deploy.shop.source import Source
from onhand.deploy.shop.tally import Tally
from onhand.deploy.stack.errors import StackError

_PATIENCE_S = 30.0
"""So long it is tried again without getting any further."""
_PAUSE_S = 0.5
_AGAIN = (429, 503)
_SILENCE_S = 60.0


class _Lost(Exception):
    """The answers ended before the lines did; `pause_s`: when to try again."""

    def __init__(self, why: str, pause_s: float = _PAUSE_S) -> None:
        super().__init__(why)
        self.pause_s = pause_s


class _NoGateway(_Lost):
    """Nobody listens there."""


async def upload(gateway: Gateway, source: Source, fresh: Callable[[int], Tally], tell: Callable[[int], None]) -> Tally:
    """Have all lines done; their tally. `fresh` makes the tally of an attempt, `tell` is told the lines that are answered.

    `StackError` where the connection was lost for good; what was done by then is done, and the same import goes on behind it.
    """
    furthest, begun, until = 0, False, time.monotonic() + _PATIENCE_S
    while True:
        tally = fresh(furthest)
        try:
            await _attempt(gateway, source, tally, tell)
            return tally
        except _Lost as lost:
            if isinstance(lost, _NoGateway) and not furthest and not begun:
                raise StackError(f"no gateway at {gateway.place} ({lost}): is `onhand up` running?") from None
            begun = True
            if tally.lines > furthest:
                furthest, until = tally.lines, time.monotonic() + _PATIENCE_S
            if source.path is None or time.monotonic() > until:
                raise StackError(_given_up(lost, furthest, source)) from None
            await asyncio.sleep(lost.pause_s)


async def _attempt(gateway: Gateway, source: Source, tally: Tally, tell: Callable[[int], None]) -> None:
    headers = gateway.headers | {"Content-Type": source.content_type, "Idempotency-Key": source.key}
    silence = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_SILENCE_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=silence) as session,
            session.post(gateway.address("batch"), data=_sent(source), headers=headers) as response,
        ):
            if response.status != 200:
                await _refused(response)
            await _read(response, tally, tell)
    except aiohttp.ClientConnectorError as fault:
        raise _NoGateway(fault.strerror or "no connection") from None
    except (aiohttp.ClientError, OSError, TimeoutError) as fault:
        raise _Lost(str(fault) or type(fault).__name__) from None


async def _sent(source: Source) -> AsyncIterator[bytes]:
    pieces = source.pieces()
    while piece := await asyncio.to_thread(next, pieces, b""):  # standard input may keep us waiting
        yield piece


async def _read(response: aiohttp.ClientResponse, tally: Tally, tell: Callable[[int], None]) -> None:
    rest = b""
    async for piece in response.content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            tally.add(line)
        tell(tally.lines)


async def _refused(response: aiohttp.ClientResponse) -> None:
    """It did not even begin: now, or not at all."""
    if response.status in _AGAIN:
        wait = response.headers.get("Retry-After", "")
        raise _Lost(f"the gateway answered {response.status}", float(wait) if wait.isdigit() else _PAUSE_S)
    try:
        problem = msgspec.json.decode(await response.read())
    except ValueError:
        raise StackError(f"this is no gateway of onhand: {response.status}, and not JSON") from None
    checked(Answer(response.status, problem), "the same import again goes on")


def _given_up(lost: _Lost, furthest: int, source: Source) -> str:
    where = f"behind line {furthest + source.header_lines}" if furthest else "before the first answer"
    key = "" if source.path else f" with --key {source.key}"
    return f"the connection was lost {where} ({lost}); the same import again{key} goes on there"
