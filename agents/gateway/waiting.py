"""Who waits for what: records that are heard, handed to the requests that wait for them.

Every record of the system passes here, so one that nobody waits for must cost next to nothing: the id is cut out of the bytes, and
the rest is read only where it is wanted.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import structlog
from aiokafka import ConsumerRecord

from onhand.schemas.decisions import Decision
from onhand.schemas.events import RESERVATION_COMMITTED

log = structlog.get_logger("waiting")

_ID_CHARS = 36


def _cut(value: bytes | None, field: bytes) -> str:
    """The id in that field of a record's JSON; anything or nothing where there is none."""
    start = value.find(field) if value else -1
    return value[start + len(field) : start + len(field) + _ID_CHARS].decode("latin-1") if value and start >= 0 else ""


class Decided:
    """Requests that wait for the decisions of a command."""

    _FIELD = b'"id":"'

    def __init__(self) -> None:
        self._waits: defaultdict[str, list[_Wait | Crowd]] = defaultdict(list)

    @contextmanager
    def of(self, id: str) -> Iterator["asyncio.Future[list[Decision]]"]:
        """The decisions of a command that is still to be sent: those of its lines, the complete one last."""
        wait = _Wait()
        self._waits[id].append(wait)
        try:
            yield wait.settled
        finally:
            self._waits[id].remove(wait)
            if not self._waits[id]:
                del self._waits[id]

    @contextmanager
    def of_all(self, ids: Collection[str]) -> Iterator["Crowd"]:
        """The complete decisions of many commands that are still to be sent, each id once."""
        crowd = Crowd(len(ids))
        for id in ids:
            self._waits[id].append(crowd)
        try:
            yield crowd
        finally:
            for id in ids:
                self._waits[id].remove(crowd)
                if not self._waits[id]:
                    del self._waits[id]

    def hear(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of `inventory.decisions`."""
        for record in records:
            waits = self._waits.get(_cut(record.value, self._FIELD))
            if waits:
                self._tell(waits, record)

    def _tell(self, waits: "list[_Wait | Crowd]", record: ConsumerRecord) -> None:
        try:
            decision = Decision.from_json(record.value)
        except ValueError as error:
            log.warning("no decision", partition=record.partition, offset=record.offset, fault=str(error))
            return
        for wait in waits:
            wait.tell(decision)


class _Wait:
    def __init__(self) -> None:
        self._told: list[Decision] = []
        self.settled: asyncio.Future[list[Decision]] = asyncio.get_running_loop().create_future()

    def tell(self, decision: Decision) -> None:
        if self.settled.done():
            return
        self._told.append(decision)
        if decision.complete:
            self.settled.set_result(self._told)


class Crowd:
    """Many commands that are waited for together: `told` by id, `settled` once all are."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.told: dict[str, Decision] = {}
        self.settled = asyncio.Event()
        self._look()

    def tell(self, decision: Decision) -> None:
        """A decision of one of them."""
        if decision.complete and decision.id is not None:
            self.told[decision.id] = decision
            self._look()

    def _look(self) -> None:
        if len(self.told) >= self._count:
            self.settled.set()


class Committed:
    """Requests that wait for the ledger to have a reservation's commit."""

    _FIELD = b'"reservation_id":"'
    _TYPE = ("ce_type", RESERVATION_COMMITTED.encode())

    def __init__(self) -> None:
        self._waits: defaultdict[str, list[asyncio.Event]] = defaultdict(list)

    @contextmanager
    def of(self, reservation_id: str) -> Iterator[asyncio.Event]:
        """Set whenever a line of the reservation became durable."""
        event = asyncio.Event()
        self._waits[reservation_id].append(event)
        try:
            yield event
        finally:
            self._waits[reservation_id].remove(event)
            if not self._waits[reservation_id]:
                del self._waits[reservation_id]

    def hear(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of `inventory.ledger`."""
        for record in records:
            for event in self._waits.get(_cut(record.value, self._FIELD), ()):
                if self._TYPE in record.headers:
                    event.set()
