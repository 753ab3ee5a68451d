"""Faust, taught to hand out slices of a partition instead of single records.

Faust makes four tasks for every record, which caps an agent at some thousands a second. Its documented setting
`ConsumerScheduler` may yield anything that looks like a record, so it yields a `Batch`: the records of a slice as the value, the
last one's offset as the offset. What Faust itself does with offsets is then wrong (it would count a batch as a gap of one), so
its skip, gap and pause logic stands aside: order and repeats are judged by the lanes, against the watermark.

These are private names of faust-streaming 0.15.3, which is pinned for that reason; tests/agents/test_microbatch.py holds them.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.transports import SchedulingStrategyT
from mode.utils.futures import maybe_async

SLICE = 500
_FETCH_WAIT_MS = 100


@dataclass(slots=True)
class Batch:
    """Some records of one partition, in the shape of the last of them."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    value: list[Any]
    headers: tuple[()] = ()
    key: None = None
    checksum: None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0


class MicroBatches(SchedulingStrategyT):
    """Slices of at most `SLICE` records, round robin over the partitions."""

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Batch]]:
        """What was polled, as batches."""
        queue = deque((tp, polled, 0) for tp, polled in records.items() if polled)
        while queue:
            tp, polled, start = queue.popleft()
            piece = polled if len(polled) <= SLICE else polled[start : start + SLICE]
            last = piece[-1]
            yield tp, Batch(last.topic, last.partition, last.offset, last.timestamp, last.timestamp_type, piece)
            if start + SLICE < len(polled):
                queue.append((tp, polled, start + SLICE))


class _Unread(dict[TP, int | None]):
    """Faust's memory of what it has read, kept empty: with it, a record that comes again would be dropped in silence."""

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        """Remember nothing."""

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Remember nothing."""


class _Unthreaded(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, in the loop of the lanes instead of a thread of its own.

    Python runs one thread at a time anyway, and handing each poll over cost a gate worker a sixth to a third of its CPU at 200 records a
    second;
    a busy lane let the thread wait 5 ms for each of its small steps.

    Partitions that have nothing are asked in short turns: aiokafka has one fetch under way at a broker, so a partition whose records
    are used up while the others are asked waits until that answers. Faust's 1.5 s starved a hot partition for a fifth of the time.
    """

    _serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to serve; raises what kept it from that."""
        self._thread_started.set()
        running = self._thread_running = self.parent_loop.create_future()
        self._serving = asyncio.create_task(self._serve(), name="consumer")
        self._serving.add_done_callback(self._served)
        try:
            await running
        finally:
            self._thread_running = None

    async def stop(self) -> None:
        """End, and wait for it."""
        await super().stop()
        if self._serving is not None:
            await asyncio.wait([self._serving])

    def _served(self, serving: asyncio.Task[None]) -> None:
        """Faust has been told what it failed with (`crash`); asyncio need not tell again that nobody asked."""
        if not serving.cancelled():
            serving.exception()
        self.set_shutdown()  # or an end that failed would be waited for

    async def on_thread_started(self) -> None:
        """Calls come straight: there is no queue of them to be served."""

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What the caller, in another thread, would have had done in this one."""
        return await maybe_async(fun(*args, **kwargs))

    async def _gather_remaining_tasks(self) -> None:
        """The tasks of this loop are not ours alone."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        return consumer


class Consumer(driver.Consumer):
    """Commits the newest acknowledged batch: lanes acknowledge in order, and the watermark is the truth anyway."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset: MutableMapping[TP, int | None] = _Unread()

    def _new_consumer_thread(self) -> _Unthreaded:
        return _Unthreaded(self, loop=self.loop, thread_loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 Faust's signature
        """What was fetched, at most once in `App.breath_s`: meanwhile more gathers at the broker."""
        breath_s = getattr(self.app, "breath_s", 0.0)
        if breath_s:
            await asyncio.sleep(breath_s)
        async for delivered in super().getmany(timeout):
            yield delivered

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        newest: int = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return newest + 1

    def on_buffer_full(self, tp: TP) -> None:
        """Do not pause: a full queue blocks the poll loop, and unpausing would cost up to a second."""


class Transport(driver.Transport):
    """Faust's aiokafka transport with our consumer."""

    Consumer = Consumer


class App(faust.App):
    """A Faust app whose agents get batches."""

    breath_s = 0.0
    """Before it takes what was fetched it waits so long: a fetch for each record costs more than the record."""

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self, loop=self.loop)
