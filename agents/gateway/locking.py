"""Operators' locks: two of them are kept off the same transfer, count or bulk job, and are told of each other.

Nothing that must be true rests on them (versions and the log see to that), so what needs no second look before it is done, as a
receipt or a sale, is never locked: a lock would only make shops wait for the warehouse.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from onhand.agents.gateway.problems import Problem, unavailable
from onhand.lua.locks import Lease, Locks, NoQuorum, Taken
from onhand.schemas.commands import CommandModel, Count, Transfer

NO_QUORUM = "too few of the lock nodes answer, so nothing was done"


def to_lock(command: CommandModel) -> tuple[str, ...]:
    """The positions that nobody else is to work on meanwhile: a count's, a transfer's two; none of other commands."""
    match command:
        case Transfer():
            return (command.position, command.destination)
        case Count():
            return (command.position,)
    return ()


def holder_name(api_key_id: str, actor: str | None = None) -> str:
    """How others are told who holds a lock."""
    return f"{actor} (API key {api_key_id})" if actor else f"API key {api_key_id}"


@asynccontextmanager
async def held(locks: Locks, positions: Iterable[str], holder: str) -> AsyncIterator[Lease]:
    """Hold the locks of a call, or answer it: 423 where somebody else has one, 503 where nobody can know."""
    try:
        async with locks.hold(positions, holder) as lease:
            yield lease
    except Taken as taken:
        raise Problem(423, "locked", str(taken), position=taken.position, holder=taken.holder) from None
    except NoQuorum as fault:
        raise unavailable(NO_QUORUM) from fault


@dataclass(slots=True, eq=False)
class _Shared:
    lease: Lease
    stack: AsyncExitStack
    users: int = 0


class JobLocks:
    """The locks of one job: parts of it that work on the same position at the same time share its lock."""

    def __init__(self, locks: Locks, holder: str) -> None:
        self._locks = locks
        self._holder = holder
        self._held: dict[str, _Shared] = {}
        self._turn = asyncio.Lock()  # a lock that is being released must not refuse us ourselves

    async def hold(self, positions: Iterable[str]) -> "Hold":
        """Hold them until `Hold.release`. `Taken`, `NoQuorum` as those of `Locks.hold`."""
        async with self._turn:
            wanted = set(positions)
            if fresh := wanted - self._held.keys():
                stack = AsyncExitStack()
                lease = await stack.enter_async_context(self._locks.hold(fresh, self._holder))
                self._held |= dict.fromkeys(fresh, _Shared(lease, stack))
            shared = {self._held[position] for position in wanted}
            for each in shared:
                each.users += 1
            return Hold(self, shared)

    async def release(self, shared: Iterable[_Shared]) -> None:
        """One who shared them does not need them any more."""
        async with self._turn:
            for each in shared:
                each.users -= 1
                if not each.users:
                    self._held = {position: other for position, other in self._held.items() if other is not each}
                    await each.stack.aclose()


class Hold:
    """What a part of a job holds."""

    def __init__(self, job: JobLocks, shared: set[_Shared]) -> None:
        self._job = job
        self._shared = shared

    @property
    def held(self) -> bool:
        """False once one of them was lost."""
        return all(each.lease.held for each in self._shared)

    @property
    def locked(self) -> bool:
        """Whether there are locks at all."""
        return all(each.lease.locked for each in self._shared)

    async def release(self) -> None:
        """Let go."""
        await self._job.release(self._shared)
