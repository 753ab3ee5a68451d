"""The gate's lane, between a log in memory and the real script: whatever happens, told once, in order, as the model says."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from onhand.agents.alarms import StoredAlarm
from onhand.agents.gate.batch import Admission, record_hash
from onhand.agents.gate.place import Place
from onhand.agents.gate.sweeper import Sweeper
from onhand.agents.inbox import Delivery
from onhand.agents.ports import Message
from onhand.lua.format import Already, Gap, Outcomes, RecordMark
from onhand.lua.gate import Gate
from onhand.schemas.faults import Corrupt, Retryable
from onhand.schemas.signing import Keyring
from onhand.schemas.topics import COMMANDS, DECISIONS, DLQ
from tests.agents.house import KEYRING, SWEEP, House, Topic
from tests.agents.memory import NOW_MS, PARTITION, HandClock, until
from tests.scenarios import SWEEP_LIMIT, moved, of, reserve, uid

TEN = moved("receive", 1, 10)


def told(house: House) -> list[tuple[int, str]]:
    """Seq and outcome of what stands in the decisions, in order."""
    decisions = [json.loads(r.value or b"") for r in house.log.all(DECISIONS)]
    return [(d["seq"], d["outcome"]) for d in decisions]


async def decide(house: House, *offsets: int, prev: int = -1) -> None:
    """What a worker does that dies before it tells."""
    records = [r for r in house.log.all(COMMANDS) if r.offset in offsets]
    (batch,) = Admission(Place(PARTITION, 1, KEYRING), SWEEP_LIMIT).prepare(records)
    last = records[-1]
    mark = RecordMark(last.offset, record_hash(last), last.timestamp)
    assert isinstance(await house.gate.decide(PARTITION, prev, last.offset, -1, mark, batch.rows), Outcomes)


async def alarm(house: House) -> StoredAlarm:
    async with asyncio.timeout(5):
        await house.alarms.raised.wait()
    assert house.alarms.now is not None
    return house.alarms.now


# the usual


async def test_decides_what_comes_and_acknowledges_what_it_told(house: House) -> None:
    last = house.say(TEN, *(reserve(n, 1) for n in range(2, 14)), of("commit", 20, 2), TEN, b"{}")
    lane = house.start()
    acked = await house.feed(lane)
    await house.done()
    house.check()
    assert [outcome for _, outcome in told(house)].count("insufficient_stock") == 2
    await until(lambda: acked and acked[-1] == last)
    assert acked == sorted(acked)


async def test_a_dead_letter_is_as_received_and_stands_before_its_decision_is_told(house: House) -> None:
    at_dlq: list[int] = []
    publish = house.publisher.publish

    async def noted(topic: str, partition: int | None, messages: Sequence[Any]) -> int:
        if topic == DECISIONS:
            at_dlq.append(len(house.log.all(DLQ)))
        return await publish(topic, partition, messages)

    house.publisher.publish = noted  # type: ignore[method-assign]
    house.say(b'{"type":"steal"}')
    await house.feed(house.start())
    await house.done()
    (letter,) = house.log.all(DLQ)
    assert (letter.key, letter.value) == (b"key", b'{"type":"steal"}')
    assert dict(letter.headers)["__streams.errors.offset"] == b"0"
    assert at_dlq == [1]


async def test_a_dead_letter_that_no_broker_takes_is_cut(house: House) -> None:
    house.log.append(COMMANDS, PARTITION, Message(b"k" * 3_000_000, b"v" * 9_000_000, [("h", b"x" * 2_000_000)]))
    house.say(TEN)
    await house.feed(house.start())
    await house.done()
    (letter,) = house.log.all(DLQ)
    assert len(letter.key or b"") + len(letter.value or b"") + sum(len(v) for _, v in letter.headers) < 1_000_000
    assert int(dict(letter.headers)["onhand.cut"]) > 14_000_000


async def test_a_batch_is_trimmed_once_it_is_told(house: House) -> None:
    house.say(TEN)
    await house.feed(house.start())
    await house.done()
    await until(lambda: house.raw.hget("gate:{0}", "unpublished") == b"\x90")
    assert not house.raw.hexists("gate:{0}", "o:0")


# after a crash


async def test_recovery_tells_stored_outcomes_as_they_were_decided(house: House) -> None:
    house.say(TEN, reserve(2, 4), reserve(2, 5), b"no", of("commit", 3, 2), reserve(4, 1))
    await decide(house, 0, 1, 2)
    await decide(house, 3, 4, prev=2)
    await house.feed(house.start(), 5)
    await house.done()
    house.check()
    assert [seq for seq, _ in told(house)] == [1, 2, 3, 4, 5, 6]


async def test_what_was_told_and_not_trimmed_is_told_again_identically(house: House) -> None:
    house.say(TEN, reserve(2, 4))
    await house.feed(house.start(), 0)
    await house.done()
    await house.stop()
    await decide(house, *[house.say(reserve(3, 1))], prev=1)
    house.start()
    await house.done()
    house.check()


@pytest.mark.parametrize("body", [TEN, SWEEP], ids=["with outcomes", "without"])
async def test_outcomes_whose_records_are_gone_do_not_stop_the_lane(house: House, body: Any) -> None:
    house.say(body)
    await decide(house, 0)
    house.log.cut(COMMANDS, PARTITION, 1)
    house.say(reserve(2, 4))
    await house.feed(house.start(), 1)
    await until(lambda: told(house))
    assert told(house) == [(2, "reserved") if body is TEN else (1, "insufficient_stock")]
    assert (house.broken, house.alarms.now) == ([], None)


async def test_records_that_come_again_are_decided_once(house: House) -> None:
    house.say(TEN, *(reserve(n, 1) for n in range(2, 9)))
    lane = house.start()
    for start in (0, 3, 0, 6):
        await house.feed(lane, start)
    await house.done()
    house.check()
    assert len(told(house)) == 8


async def test_what_was_not_delivered_is_read_from_the_log(house: House) -> None:
    house.say(TEN, *(reserve(n, 1) for n in range(2, 12)))
    await house.feed(house.start(), 8)
    await house.done()
    house.check()


async def test_a_gap_between_deliveries_that_wait_together_is_read_from_the_log(house: House) -> None:
    house.say(TEN, *(reserve(n, 1) for n in range(2, 12)))
    records = house.log.all(COMMANDS)
    lane = house.start()
    for piece in (records[:3], records[6:8], records[4:7], records[10:]):
        await lane.inbox.put(Delivery(piece, lambda: None))
    await house.done()
    house.check()


async def test_what_is_never_delivered_is_read_when_nothing_comes(house: House) -> None:
    house.say(TEN, reserve(2, 1))
    house.start()
    await house.done()
    house.check()


async def test_offsets_without_a_record_are_passed(house: House) -> None:
    house.say(TEN)
    house.log.hole(COMMANDS, PARTITION, 3)
    house.say(reserve(2, 1))
    house.log.hole(COMMANDS, PARTITION)
    await house.feed(house.start())
    await house.done()
    house.check()
    assert await house.gate.offset(PARTITION) == 5, "the mark stands behind the last hole"


class Unsteady:
    """A store whose next call of the script answers as told, once."""

    def __init__(self, gate: Gate, answer: Callable[[], Awaitable[Any]]) -> None:
        self._gate = gate
        self._answer: Callable[[], Awaitable[Any]] | None = answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gate, name)

    async def decide(self, *call: Any) -> Any:
        answer, self._answer = self._answer, None
        return await answer() if answer else await self._gate.decide(*call)


async def _reply_lost() -> Any:
    raise Retryable("the reply was lost")


async def _gap() -> Any:
    return Gap(-1)


async def _already() -> Any:
    return Already(3)


@pytest.mark.parametrize("answer", [_reply_lost, _gap, _already])
async def test_refusals_and_lost_replies_lead_to_recovery(house: House, answer: Callable[[], Awaitable[Any]]) -> None:
    house.say(TEN, reserve(2, 1))
    await house.feed(house.start(store=Unsteady(house.gate, answer)))
    await house.done()
    house.check()


async def test_a_reply_lost_after_the_effect_is_found_in_the_store(house: House) -> None:
    house.say(TEN, reserve(2, 1))

    async def decided_and_lost() -> Any:
        await decide(house, 0, 1)
        raise Retryable("the reply was lost")

    await house.feed(house.start(store=Unsteady(house.gate, decided_and_lost)))
    await house.done()
    house.check()


async def test_another_owner_that_is_ahead_is_followed(house: House) -> None:
    house.say(TEN, reserve(2, 1))
    first = house.start()
    await house.feed(first)
    await house.done()
    house.say(reserve(3, 1))
    second = house.start()
    await house.feed(second, 2)
    await house.done()
    await house.feed(first, 2)
    house.say(reserve(4, 1))
    await house.feed(first, 3)
    await house.done()
    house.check()


@pytest.mark.parametrize("under_load", [True, False])
async def test_a_store_put_back_to_an_older_state_is_brought_up_again(house: House, under_load: bool) -> None:
    lane = house.start()
    house.say(TEN, reserve(2, 1))
    await house.feed(lane)
    await house.done()
    older = house.dump()
    last = house.say(*(reserve(n, 1) for n in range(3, 9)), of("commit", 20, 3))
    await house.feed(lane, 2)
    await house.done()
    await until(lambda: house.raw.hget("gate:{0}", "unpublished") == b"\x90")
    house.put_back(older)
    if under_load:
        house.say(of("release", 21, 4))
        await house.feed(lane, last + 1)
    await house.done()
    house.check()


# alarms


def no_topic(house: House) -> None:
    house.topic = None


def other_topic(house: House) -> None:
    house.topic = Topic(topic_id="another")


def other_partitions(house: House) -> None:
    house.topic = Topic(partitions=2)


def compacted(house: House) -> None:
    house.topic = Topic(compacted=True)


def no_append_time(house: House) -> None:
    house.topic = Topic(append_time=False)


def rules(house: House) -> None:
    house.raw.hset("gate:{0}", "rules", 99)


def gate_lost(house: House) -> None:
    house.raw.flushall()


def watermark_ahead(house: House) -> None:
    house.raw.hset("gate:{0}", "offset", 2)


def commands_lost(house: House) -> None:
    house.raw.hset("gate:{0}", "offset", 0)
    house.raw.hdel("gate:{0}", "unpublished")
    house.say(TEN)
    house.log.cut(COMMANDS, PARTITION, 2)


def other_log(house: House) -> None:
    house.log.replace(COMMANDS, PARTITION, 1, b'{"type":"ship"}')


SICK = (
    no_topic,
    other_topic,
    other_partitions,
    compacted,
    no_append_time,
    rules,
    gate_lost,
    watermark_ahead,
    commands_lost,
    other_log,
)


@pytest.mark.parametrize("spoil", SICK, ids=lambda spoil: spoil.__name__)
async def test_a_partition_that_cannot_be_right_stands_still(house: House, spoil: Callable[[House], None]) -> None:
    house.say(TEN, reserve(2, 1))
    await decide(house, 0, 1)
    spoil(house)
    before = house.raw.hget("gate:{0}", "offset")
    lane = house.start()
    await house.feed(lane)
    assert (await alarm(house)).code == spoil.__name__
    async with asyncio.timeout(5):
        await lane.work.started.wait()
    assert told(house) == []
    assert house.raw.hget("gate:{0}", "offset") == before


async def test_a_mark_that_vanishes_while_running_is_never_taken_for_a_birth(house: House) -> None:
    house.say(TEN)
    await house.feed(house.start())
    await house.done()
    house.raw.flushall()
    assert (await alarm(house)).code == "gate_lost"
    assert house.raw.keys() == []


async def test_commands_that_retention_took_before_they_were_decided_are_an_alarm(house: House) -> None:
    lane = house.start()
    house.say(TEN)
    await house.feed(lane)
    await house.done()
    house.say(*(reserve(n, 1) for n in range(2, 9)))
    house.log.cut(COMMANDS, PARTITION, 5)
    await house.feed(lane, 5)
    assert await alarm(house) == StoredAlarm("commands_lost", (await alarm(house)).message, 1)


async def test_a_record_far_ahead_of_our_clock_stops_the_lane_until_it_is_resumed(house: House) -> None:
    house.say(TEN)
    house.say(reserve(2, 1), at_ms=NOW_MS + 60_001)
    await house.feed(house.start())
    assert (await alarm(house)).code == "clock_ahead"
    assert await house.gate.offset(PARTITION) in (-1, 0)
    house.clock.now += 1
    house.alarms.clear()
    await house.done()
    house.check()


async def test_outcomes_that_do_not_fit_the_log_are_an_alarm_and_are_not_told(house: House) -> None:
    """The key that signed a sweep is gone, so the record is now judged otherwise than when it was decided."""
    house.say(TEN, SWEEP)
    await decide(house, 0, 1)
    house.start(keyring=Keyring.parse("other:" + "00" * 32))
    assert (await alarm(house)).code == "corrupt"
    assert told(house) == []


# the sweeper


class Counting:
    """A publisher that counts the sweeps that stand in the log."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.sweeps = 0

    async def publish(self, topic: str, partition: int | None, messages: Sequence[Any]) -> int:
        last = await self._house.publisher.publish(topic, partition, messages)
        self.sweeps += topic == COMMANDS
        return last


async def test_due_holds_are_swept_by_one_sweep_at_a_time(house: House) -> None:
    house.say(TEN, *(reserve(n, 1, ttl_ms=1_000) for n in range(2, 12)))
    publisher = Counting(house)
    lane = house.start(publisher=publisher)
    await house.feed(lane)
    await house.done()
    house.clock.now += 999
    assert house.raw.zcard("due:{0}") == 10
    house.clock.now += 1
    await until(lambda: publisher.sweeps)
    first = house.log.all(COMMANDS)[-1]
    assert first.value == SWEEP
    for _ in range(50):
        await asyncio.sleep(0)
    assert publisher.sweeps == 1, "the first is not decided yet, since nobody delivered it"
    await until(lambda: house.raw.zcard("due:{0}") == 0)
    await house.done()
    house.check()
    expired = [json.loads(r.value or b"") for r in house.log.all(DECISIONS)][11:]
    assert [d["id"] for d in expired] == [uid(n) for n in range(2, 12)]
    assert publisher.sweeps == -(-10 // SWEEP_LIMIT)


async def test_a_broker_whose_clock_is_behind_is_not_flooded_with_sweeps() -> None:
    moves: list[str] = []

    class Behind:
        """Our clock says that three are due, the broker's that none is, until some time has passed."""

        async def due(self, partition: int, now_ms: int) -> int:
            return 3 if moves.count("wait") < 2 else 0

    class Waiting(HandClock):
        async def sleep(self, seconds: float) -> None:
            moves.append("wait")
            await super().sleep(seconds)

    class Decided:
        async def publish(self, topic: str, partition: int | None, messages: Sequence[Any]) -> int:
            moves.append("sweep")
            sweeper.decided(len(moves))
            return len(moves)

    sweeper = Sweeper(PARTITION, Behind(), Decided(), Waiting(), KEYRING)  # type: ignore[arg-type]
    task = asyncio.create_task(sweeper.run())
    await until(lambda: moves.count("wait") >= 3)
    task.cancel()
    assert moves[:5] == ["sweep", "wait", "sweep", "wait", "wait"]


@pytest.mark.parametrize("commit_first", [True, False])
async def test_commit_against_expiry_is_decided_by_the_order_of_the_log(house: House, commit_first: bool) -> None:
    house.say(TEN, reserve(2, 4, ttl_ms=1_000))
    last = (of("commit", 3, 2), SWEEP)
    house.say(*(last if commit_first else reversed(last)), at_ms=NOW_MS + 5_000)
    await house.feed(house.start())
    await house.done()
    house.check()
    ends = [outcome for _, outcome in told(house)][2:]
    assert ends == (["committed"] if commit_first else ["expired", "already_expired"])


async def test_a_sweep_that_is_not_ours_is_a_dead_letter(house: House) -> None:
    house.say(TEN, reserve(2, 4, ttl_ms=1_000))
    house.log.append(COMMANDS, PARTITION, Message(None, SWEEP), NOW_MS + 5_000)
    await house.feed(house.start())
    await house.done()
    house.check()
    assert told(house)[-1] == (3, "invalid")
    assert house.raw.zcard("due:{0}") == 1


async def test_a_store_that_is_broken_for_the_sweeper_stops_the_lane(house: House) -> None:
    class Broken(Unsteady):
        async def due(self, *call: Any) -> int:
            raise Corrupt("WRONGTYPE")

    house.start(store=Broken(house.gate, _gap))
    assert (await alarm(house)).code == "corrupt"


# strangers


POISON: dict[str, Any] = {
    "a signature without a value": [("onhand", None)],
    "a trace without a value": [("traceparent", None)],
    "a trace as long as a novel": [("traceparent", b"x" * 950_000)],
    "a thousand traces": [("traceparent", b"x" * 55)] * 1_000,
    "a header nobody knows": [("x", None), ("y", b"\xff")],
}


@pytest.mark.parametrize("headers", POISON.values(), ids=POISON)
async def test_strange_headers_stop_nobody(house: House, headers: Any) -> None:
    house.say(TEN)
    value = json.dumps(reserve(2, 1)).encode()
    house.log.append(COMMANDS, PARTITION, Message(None, value, headers))
    house.say(reserve(3, 1))
    await house.feed(house.start())
    await house.done()
    assert not house.broken
    assert [outcome for _, outcome in told(house)] in (
        ["applied", *["reserved"] * 2],
        ["applied", "invalid", "reserved"],
    )
    assert max(len(value) for r in house.log.all(DECISIONS) for _, value in r.headers or [("", b"")]) < 1_000
