"""Locks that keep two operators off the same position: Redlock over independent nodes.

The published algorithm (Redis documentation, "Distributed Locks with Redis"): whoever gets a majority of the nodes to set
`lock:inv:{sku}:{warehouse}` to a value of its own, within what that is valid, holds it. A lease, and no more: it runs out
in a process that is paused. So nothing may rest on it that must be true; the versions of positions and the log see to that.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from random import Random, SystemRandom
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, RedisError

from onhand.lua.connection import redis_at
from onhand.lua.leases import Lease, NoQuorum, Refusal, Taken, Turns, holder_of
from onhand.lua.scripts import Script, load

__all__ = ["TTL_MS", "Lease", "Locks", "NoQuorum", "Taken", "connect", "monotonic_ms"]

TTL_MS = 5_000
NODE_TIMEOUT_MS = 250
"""Small beside the ttl; yet a busy caller, who reads an answer late, does not take five nodes for away."""

_PAUSE_MS = (50, 150)
"""Between two attempts, at random, so that contenders who split the nodes among them do not do so again."""

_AT_ONCE = 10
"""Leases that are being taken or let go at the same time: more would open so many connections that nodes answer too late."""

_TAKE, _EXTEND, _RELEASE = load("lock_take"), load("lock_extend"), load("lock_release")
_YES, _NO = 1, 0


class _Away(NamedTuple):
    """A node that gave no vote, and why."""

    reason: str


def monotonic_ms() -> int:
    """The clock by which a lease runs out here; its zero is anywhere."""
    return time.monotonic_ns() // 1_000_000


class Locks:
    """The nodes; none: everybody gets a lease at once, with `locked` False."""

    def __init__(
        self,
        nodes: Sequence["Redis"],
        *,
        ttl_ms: int = TTL_MS,
        node_timeout_ms: int = NODE_TIMEOUT_MS,
        clock_ms: Callable[[], int] = monotonic_ms,
        random: Random | None = None,
    ) -> None:
        self._nodes = nodes
        self._quorum = len(nodes) // 2 + 1
        self._ttl_ms = ttl_ms
        self._valid_ms = ttl_ms - ttl_ms // 100 - 2  # clocks of nodes may run that much faster than ours
        self._node_timeout_ms = node_timeout_ms
        self._clock_ms = clock_ms
        self._random = random or SystemRandom()
        self._turns = Turns()
        self._few = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def hold(self, positions: Iterable[str], holder: str, wait_ms: int = 0) -> AsyncIterator[Lease]:
        """Hold the locks of positions (`SKU:warehouse`), all or none, and extend them until the block ends.

        Raises `Taken` where somebody else has one, after trying again for `wait_ms`; `NoQuorum` at once.
        """
        lease = Lease(positions, f"{holder}:{self._random.getrandbits(128):032x}", bool(self._nodes), self._clock_ms)
        if not lease.positions:
            raise ValueError("positions: none to lock")
        if not self._nodes:
            yield lease
            return
        try:
            await self._take(lease, wait_ms)
            async with self._extended(lease):
                yield lease
        finally:
            await self._let_go(lease)

    async def close(self) -> None:
        """Close the connections."""
        for node in self._nodes:
            await node.aclose()

    async def _take(self, lease: Lease, wait_ms: int) -> None:
        give_up_ms = self._clock_ms() + wait_ms
        while refusal := await self._attempt(lease):
            pause_ms = self._random.uniform(*_PAUSE_MS)
            if isinstance(refusal, NoQuorum) or self._clock_ms() + pause_ms > give_up_ms:
                raise refusal
            await asyncio.sleep(pause_ms / 1_000)

    async def _attempt(self, lease: Lease) -> Refusal | None:
        refusal = await self._turns.claim(lease)
        if refusal is not None:
            return refusal
        async with self._few:
            refusal = await self._vote(lease)
        if refusal is None:
            self._turns.won(lease)
        else:
            await self._let_go(lease, refusal)  # the minority that it may have got
        return refusal

    async def _vote(self, lease: Lease) -> Refusal | None:
        until_ms = self._clock_ms() + self._valid_ms
        votes = await self._ask(_TAKE, lease, self._ttl_ms)
        if votes.count(_YES) < self._quorum:
            return self._refusal(lease, votes)
        if self._clock_ms() >= until_ms:
            return NoQuorum("locks: the nodes took longer to answer than a lock is valid")
        lease.until_ms = until_ms
        return None

    def _refusal(self, lease: Lease, votes: Sequence[Any]) -> Refusal:
        holders = Counter((lease.positions[vote[0] - 1], _holder(vote[1])) for vote in votes if isinstance(vote, list))
        away = [vote.reason for vote in votes if isinstance(vote, _Away)]
        answered = len(votes) - len(away)
        if answered < self._quorum:
            reasons = "; ".join(sorted(set(away)))
            return NoQuorum(f"locks: {answered} of {len(votes)} nodes answer, {self._quorum} must: {reasons}")
        [((position, holder), _)] = holders.most_common(1)
        return Taken(position, holder)

    async def _let_go(self, lease: Lease, refusal: Refusal | None = None) -> None:
        """Where nodes were asked for it. One that is not reached forgets by itself."""
        if not self._turns.claims(lease):
            return
        try:
            async with self._few:
                await self._ask(_RELEASE, lease)
        finally:
            self._turns.end(lease, refusal)

    @asynccontextmanager
    async def _extended(self, lease: Lease) -> AsyncIterator[None]:
        extending = asyncio.create_task(self._extend(lease))
        try:
            yield
        finally:
            extending.cancel()
            await asyncio.wait({extending})
        if not extending.cancelled():
            extending.result()  # raises what is a bug

    async def _extend(self, lease: Lease) -> None:
        """Until it is lost: a majority cannot be had any more, or could not be reached before it ran out."""
        pause_s = self._ttl_ms / 3 / 1_000
        await asyncio.sleep(pause_s)
        while lease.held:
            until_ms = self._clock_ms() + self._valid_ms
            votes = await self._ask(_EXTEND, lease, self._ttl_ms)
            if votes.count(_NO) > len(votes) - self._quorum:
                lease.until_ms = -math.inf
            elif votes.count(_YES) >= self._quorum and lease.held:  # what was told to be over stays so
                lease.until_ms = until_ms
            await asyncio.sleep(pause_s)

    async def _ask(self, script: Script, lease: Lease, *args: Any) -> list[Any]:
        """What each node answers, all asked at once: no node is waited for longer than its timeout."""
        run = ("EVALSHA", script.sha, len(lease.keys), *lease.keys, lease.value, *args)
        return await asyncio.gather(*(self._ask_one(node, script, run) for node in self._nodes))

    async def _ask_one(self, node: "Redis", script: Script, run: Sequence[Any]) -> Any:
        try:
            async with asyncio.timeout(self._node_timeout_ms / 1_000):
                try:
                    return await _run(node, script, run)
                except ConnectionLost:  # as one from before the node's restart; what ran already answers the same again
                    return await _run(node, script, run)
        except TimeoutError:
            return _Away(f"no answer within {self._node_timeout_ms} ms")
        except (RedisError, OSError) as error:
            return _Away(f"{type(error).__name__}: {error}")


def connect(urls: Iterable[str], **options: Any) -> Locks:
    """Locks at these nodes, `redis://` or `rediss://` (nothing is sent yet). Options as of `Locks`. Close it with `close()`."""
    return Locks([redis_at(url) for url in urls], **options)


async def _run(node: "Redis", script: Script, run: Sequence[Any]) -> Any:
    send: Callable[..., Awaitable[Any]] = node.execute_command
    try:
        return await send(*run)
    except NoScriptError:  # nothing ran
        await send("SCRIPT LOAD", script.text)
        return await send(*run)


def _holder(value: bytes) -> str:
    return holder_of(value.decode(errors="replace"))
