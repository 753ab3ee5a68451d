"""What we rely on in faust-streaming 0.15.3, private names among them; if a release changes one of these, it shows here."""

import asyncio
from typing import Any

import faust
import pytest
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from onhand.agents.microbatch import SLICE, App, Batch, Consumer, MicroBatches
from tests.agents.memory import Stored

AT, OTHER = TP("commands", 0), TP("commands", 1)


class Polled:
    """A record as aiokafka hands it out."""

    def __init__(self, tp: TP, offset: int) -> None:
        self.topic, self.partition, self.offset = tp.topic, tp.partition, offset
        self.timestamp, self.timestamp_type, self.value, self.key, self.headers = 7, 1, b"v", b"k", ()


def polled(tp: TP, start: int, count: int) -> list[Polled]:
    return [Polled(tp, offset) for offset in range(start, start + count)]


@pytest.fixture
def app() -> App:
    return App("test", broker="aiokafka://127.0.0.1:1", store="memory://", autodiscover=False, web_enabled=False)


@pytest.fixture
def consumer(app: App) -> Any:
    app.topics._acking_topics.add(AT.topic)
    return app.consumer


class Delivered:
    """A message that an agent holds; the offset is its batch's last."""

    acked = False

    def __init__(self, offset: int) -> None:
        self.topic, self.tp, self.offset = AT.topic, AT, offset


def test_the_version_is_the_one_whose_insides_we_know() -> None:
    assert faust.__version__ == "0.15.3"


def test_slices_take_turns_and_keep_the_order_of_each_partition() -> None:
    records: dict[TP, list[Any]] = {AT: polled(AT, 0, 2 * SLICE + 1), OTHER: polled(OTHER, 50, 3), TP("c", 2): []}
    slices = list(MicroBatches().iterate(records))
    assert [(tp, len(piece.value)) for tp, piece in slices] == [(AT, SLICE), (OTHER, 3), (AT, SLICE), (AT, 1)]
    assert [r.offset for tp, piece in slices if tp == AT for r in piece.value] == list(range(2 * SLICE + 1))
    assert [piece.offset for _, piece in slices] == [SLICE - 1, 52, 2 * SLICE - 1, 2 * SLICE]


async def test_empty_partitions_are_asked_in_short_turns(consumer: Any) -> None:
    """Or one that is used up meanwhile waits for as long."""
    made = consumer._new_consumer_thread()._create_worker_consumer(consumer.transport)
    assert made._fetch_max_wait_ms == 100


def test_our_consumer_is_the_one_that_faust_makes(consumer: Any) -> None:
    assert type(consumer) is Consumer


def test_a_commit_is_behind_the_newest_batch_that_was_acknowledged(consumer: Any) -> None:
    assert consumer._new_offset(AT) is None
    for offset in (499, 999, 1_499):
        assert consumer.ack(Delivered(offset))
    assert consumer._new_offset(AT) == 1_500
    assert consumer._new_offset(AT) is None
    consumer.ack(Delivered(1_600))
    assert consumer._new_offset(AT) == 1_601


def test_acknowledged_offsets_do_not_pile_up(consumer: Any) -> None:
    for offset in range(500, 50_000, 500):
        consumer.ack(Delivered(offset))
    consumer._new_offset(AT)
    assert (len(consumer._acked[AT]), len(consumer._acked_index[AT])) == (0, 0)


def test_records_that_come_again_are_not_dropped_by_faust(consumer: Any) -> None:
    """Faust drops what is not above what it remembers to have read, and counts gaps: it must remember nothing."""
    consumer._read_offset[AT] = 300
    consumer._read_offset.update({AT: 300})
    assert consumer._read_offset[AT] is None
    assert consumer._read_offset.get(AT) is None


def test_a_full_queue_pauses_nothing(consumer: Any) -> None:
    consumer.on_buffer_full(AT)
    assert consumer._buffered_partitions == set()


async def test_a_batch_passes_through_an_agent_whole_and_unacknowledged(app: App) -> None:
    """`noack().events()`, the raw codec and the look-alike of a record, without a broker."""
    source = app.topic("commands", key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)
    held: list[Any] = []

    @app.agent(source)
    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            held.append(event)

    records = [Stored(offset, 0, None, b"x", ()) for offset in range(3)]
    async with agent.test_context() as context:
        await context.put(records)
    assert held[0].value is records
    assert not held[0].message.acked
    message = app.consumer._to_message(AT, Batch("commands", 0, 2, 7, 1, records))  # type: ignore[attr-defined]
    event = await source.decode(message, propagate=True)
    assert (event.value, event.message.offset, event.message.tp) == (records, 2, AT)


async def test_what_was_fetched_gathers_for_a_breath(app: App, consumer: Any) -> None:
    loop, taken = asyncio.get_running_loop(), []

    async def take(_: float) -> tuple[None, None]:
        taken.append(loop.time())
        return None, None

    app.breath_s, consumer._wait_next_records, began = 0.05, take, loop.time()
    assert [delivered async for delivered in consumer.getmany(1.0)] == []
    assert taken[0] - began >= 0.05


async def test_polls_happen_in_the_loop_of_the_lanes(app: App, consumer: Any) -> None:
    called_in: list[Any] = []

    async def poll(number: int) -> int:
        called_in.append(asyncio.get_running_loop())
        return number + 1

    assert await consumer._thread.call_thread(poll, 6) == 7
    assert await consumer._thread.call_thread(len, "abc") == 3
    assert called_in == [asyncio.get_running_loop()]


async def test_a_consumer_that_cannot_start_says_why_and_leaves_other_tasks_alone() -> None:
    app = App("test", broker="aiokafka://127.0.0.1:1", store="memory://", autodiscover=False, web_enabled=False)
    polling: Any = app.consumer._thread  # type: ignore[attr-defined]
    other = asyncio.create_task(asyncio.Event().wait())
    with pytest.raises(KafkaConnectionError):
        await polling.start()
    await polling.stop()
    assert not other.done()
    other.cancel()
