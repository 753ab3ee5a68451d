"""The sweeper: sees to it that reservations expire, by a command in the log, so that commit against expiry is decided by log order."""

import asyncio

import structlog

from onhand.agents.gate.ports import Store
from onhand.agents.ports import Clock, Message, Publisher
from onhand.schemas.commands import Sweep
from onhand.schemas.faults import Retryable
from onhand.schemas.signing import HEADER, Keyring
from onhand.schemas.topics import COMMANDS

log = structlog.get_logger("sweeper")

_LOOK_S = 0.25
_FAULT_S = 1.0


class Sweeper:
    """Belongs to the lane that owns the partition, so there is no election; two of them would only sweep twice.

    At most one sweep is under way: the next is appended when the lane has decided the last.
    """

    def __init__(self, partition: int, store: Store, publisher: Publisher, clock: Clock, keyring: Keyring) -> None:
        self._partition = partition
        self._store = store
        self._publisher = publisher
        self._clock = clock
        value = Sweep().to_json()
        self._sweep = Message(None, value, [(HEADER, keyring.sign(value).encode())])
        self._decided = -1
        self._progress = asyncio.Event()

    def decided(self, offset: int) -> None:
        """The lane has decided everything up to `offset`."""
        self._decided = offset
        self._progress.set()

    async def run(self) -> None:
        """Look what is due, append a sweep, wait until it is decided; until cancelled.

        What is due by this clock need not be by the broker's, which stamps the sweep: one that left as many is given time.
        """
        before = 0
        while True:
            try:
                due = await self._store.due(self._partition, self._clock.now_ms())
                if due and not 0 < before <= due:
                    await self._wait_for(await self._publisher.publish(COMMANDS, self._partition, [self._sweep]))
                    before = due
                else:
                    before = 0
                    await self._clock.sleep(_LOOK_S)
            except Retryable as fault:
                log.warning("cannot sweep now", partition=self._partition, fault=str(fault))
                await self._clock.sleep(_FAULT_S)

    async def _wait_for(self, offset: int) -> None:
        while self._decided < offset:
            self._progress.clear()
            await self._progress.wait()
