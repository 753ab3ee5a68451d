"""The router's lane: each request once where it belongs, in order, whatever fails between."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from onhand.agents.router import lane as router_lane
from onhand.agents.router.passing import source_of
from onhand.schemas.admission import admit
from onhand.schemas.commands import Op
from onhand.schemas.partitioner import partition_of
from onhand.schemas.positions import position_key
from onhand.schemas.signing import HEADER
from onhand.schemas.slips import Passed, Unplaced
from onhand.schemas.topics import REQUESTS
from tests.agents.memory import until
from tests.agents.router_house import PARTITIONS, SOURCE, RouterHouse
from tests.audited import KEYRING, SWEEP
from tests.scenarios import command, moved, reserve, uid

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RouterHouse]:
    """Lanes look around quickly when idle."""
    monkeypatch.setattr(router_lane, "_IDLE_S", 0.02)
    made = RouterHouse()
    yield made
    await made.stop()


def ending(verb: str, number: int, reservation: int, **more: Any) -> dict[str, Any]:
    """A commit, release or extend without a position."""
    return {"type": verb, "id": uid(number), "reservation_id": uid(reservation)} | more


async def passed_on(house: RouterHouse, count: int) -> None:
    """Wait until so many are appended."""
    await until(lambda: sum(map(len, house.appended().values())) >= count or house.broken)
    assert not house.broken


async def test_what_names_a_position_is_signed_stamped_and_passed_on_without_a_look_up(house: RouterHouse) -> None:
    commit = ending("commit", 3, 2, sku_id="LAMP", warehouse_id=3)
    house.say(
        moved("receive", 1, 5), reserve(2, 2, order_id="o"), commit, headers=[("traceparent", TRACE), ("x", b"y")]
    )
    acked = await house.feed(house.start())
    await until(lambda: acked == [2])
    clock, lamp = partition_of("CLOCK:1", PARTITIONS), partition_of("LAMP:3", PARTITIONS)
    assert {p: [r.key for r in told] for p, told in house.appended().items()} == {
        clock: [b"CLOCK:1", b"CLOCK:1"], lamp: [b"LAMP:3"],
    }  # fmt: skip
    assert [(p, a.op, a.slip.stamp if a.slip else None) for p, a in house.decided()] == [
        *((clock, op, (-1 - SOURCE, at, 0)) for at, op in enumerate((Op.RECEIVE, Op.RESERVE))),
        (lamp, Op.COMMIT, (-1 - SOURCE, 2, 0)),
    ]  # fmt: skip
    [signed, trace] = house.appended()[lamp][0].headers
    assert signed[0] == HEADER
    assert trace == ("traceparent", TRACE)
    assert house.asked == []


async def test_what_names_none_is_looked_up_once_for_a_batch(house: RouterHouse) -> None:
    house.places = {uid(1): "CLOCK:1", uid(2): "LAMP:3"}
    verbs = ending("commit", 11, 1), ending("release", 12, 2, actor="eve"), ending("extend", 13, 1, ttl_ms=1_000)
    house.say(*verbs, ending("commit", 14, 9, reference_id="r-9"))
    acked = await house.feed(house.start())
    await until(lambda: acked == [3])
    assert house.asked == [[uid(1), uid(2), uid(9)]]
    told = {a.slip.stamp[1]: (p, a) for p, a in house.decided() if a.slip}
    for at, position in enumerate(("CLOCK:1", "LAMP:3", "CLOCK:1")):
        partition, admitted = told[at]
        passed = admitted.slip
        assert type(passed) is Passed
        sent = json.loads(passed.command.to_json())
        assert position_key(sent.pop("sku_id"), sent.pop("warehouse_id")) == position == admitted.position
        assert (partition, sent) == (partition_of(position, PARTITIONS), verbs[at])
    partition, admitted = told[3]
    assert partition == partition_of(uid(9), PARTITIONS)
    assert (admitted.op, type(admitted.slip)) == (Op.UNPLACED, Unplaced)
    assert json.loads(admitted.slip.to_json() if admitted.slip else b"") == {
        "type": "unplaced", "verb": "commit", "id": uid(14), "reservation_id": uid(9), "reference_id": "r-9",
        "from": [-1 - SOURCE, 3, 0], "to": partition,
    }  # fmt: skip


STRANGE: list[tuple[bytes | None, str]] = [
    (None, "value: is null"),
    (b"not JSON", "value: is not JSON"),
    (b"x" * 70_000, "more than 65536"),
    (json.dumps(moved("receive", 1, 5, colour="red")).encode(), "colour: is not a field"),
    (json.dumps(ending("commit", 1, 2, warehouse_id=1)).encode(), "sku_id: is missing"),
    (json.dumps(command("shard", 1, shards=4)).encode(), "not supported yet"),
    (SWEEP, "is missing, and sweep is onhand's own"),
    (Unplaced(verb="commit", id=uid(1), reservation_id=uid(2), stamp=(0, 0, 0), to=0).to_json(), "type: is not one of"),  # type: ignore[call-arg]
    (json.dumps(ending("release", 1, 2, sku_id="CLOCK", warehouse_id=1, reason="id_reused")).encode(), "onhand's own"),
]


@pytest.mark.parametrize(("value", "message"), STRANGE, ids=[message for _, message in STRANGE])
async def test_what_is_no_request_goes_on_as_received_and_is_invalid(
    house: RouterHouse, value: bytes | None, message: str
) -> None:
    """Nobody gets a signature for it, not even with one that he has seen."""
    seen = ("onhand", KEYRING.sign(value or b"").encode())
    house.say(value, headers=[("a", b"b"), seen, ("c", None)])
    await house.feed(house.start())
    await passed_on(house, 1)
    [(partition, [record])] = house.appended().items()
    assert (record.key, record.value, list(record.headers)) == (b"any", value, [("a", b"b"), ("c", None)])
    admitted = admit(record.value, record.headers, partition, PARTITIONS, KEYRING)
    assert admitted.op is Op.INVALID
    assert message in admitted.message
    assert (admitted.position is None) is (b'"sku_id": "CLOCK"' not in (value or b""))


async def test_of_what_no_broker_would_take_the_beginning_goes_on_and_can_be_no_command(house: RouterHouse) -> None:
    house.say(json.dumps(moved("receive", 1, 5)).encode() + b" " * 1_100_000)
    await house.feed(house.start())
    await passed_on(house, 1)
    [(partition, [record])] = house.appended().items()
    assert 65_536 < len(record.value or b"") < 1_000_000
    assert int(dict(record.headers)["onhand.cut"]) > 1_100_000
    assert admit(record.value, record.headers, partition, PARTITIONS, KEYRING).op is Op.INVALID


async def test_a_store_that_is_away_holds_requests_up_and_loses_none(house: RouterHouse) -> None:
    house.places, house.away = {uid(n): f"SKU-{n}:1" for n in range(30)}, True
    house.say(*(ending("commit", 100 + n, n) for n in range(30)))
    acked = await house.feed(house.start())
    await asyncio.sleep(0.05)
    assert (house.appended(), acked) == ({}, [])
    house.away = False
    await until(lambda: len(house.decided()) == 30)
    assert {a.position for _, a in house.decided()} == set(house.places.values())


async def test_what_was_not_delivered_is_read_from_the_log_and_what_comes_again_is_dropped(house: RouterHouse) -> None:
    house.committed = 4
    house.say(*(moved("receive", n, 1) for n in range(12)))
    house.log.hole(REQUESTS, SOURCE, 3)
    house.say(*(moved("receive", n, 1) for n in range(20, 25)))
    lane = house.start()
    await house.feed(lane, 10)  # a stale delivery, ahead of what is to be read
    acked = await house.feed(lane, 0)
    await until(lambda: acked and acked[-1] == 19)
    [told] = house.appended().values()
    stamps = [json.loads(record.value or b"")["from"][1] for record in told]
    assert stamps == [*range(4, 12), *range(15, 20)]


async def test_a_topic_that_was_made_anew_is_not_read_in_silence(house: RouterHouse) -> None:
    """Gates would drop all of it as seen."""
    house.say(moved("receive", 1, 1))
    house.stamps[-1 - SOURCE] = 41
    house.start()
    await house.alarms.raised.wait()
    assert house.alarms.now
    assert house.alarms.now.code == "other_requests"
    house.stamps, house.committed = {}, 7
    house.alarms.clear()
    await house.alarms.raised.wait()
    assert house.appended() == {}


async def test_a_topic_that_was_made_anew_is_passed_on_whole_once_somebody_says_so(house: RouterHouse) -> None:
    """What is stamped like the old one gates would drop; the group's place in the old one is nothing in the new."""
    house.say(*(moved("receive", n, 1) for n in range(9)))
    lane = house.start()
    await house.feed(lane)
    await passed_on(house, 9)
    await lane.close()
    house.log.truncate(REQUESTS, SOURCE)
    house.say(*(moved("receive", n, 1) for n in range(20, 24)))
    house.generation, house.committed, house.stamps = -1, 3, {-1 - SOURCE: 8}
    house.start()
    await house.alarms.raised.wait()
    assert house.alarms.now
    assert (house.alarms.now.code, sum(map(len, house.appended().values()))) == ("other_requests", 9)
    house.generation = 1
    house.alarms.clear()
    await passed_on(house, 13)
    stamps = sorted(tuple(a.slip.stamp) for _, a in house.decided() if a.slip)
    again = source_of(SOURCE, 1)
    assert stamps == [*((again, n, 0) for n in range(4)), *((-1 - SOURCE, n, 0) for n in range(9))]
    assert again not in {source_of(partition, 0) for partition in range(10_000)}


async def test_a_lane_goes_on_where_it_was_in_a_topic_that_is_not_the_first(house: RouterHouse) -> None:
    house.say(*(moved("receive", n, 1) for n in range(9)))
    house.generation, house.committed, house.stamps = 1, 7, {source_of(SOURCE, 1): 4}
    house.start()
    await passed_on(house, 4)
    assert sorted(a.slip.stamp[1] for _, a in house.decided() if a.slip) == [5, 6, 7, 8]


@pytest.mark.parametrize("seed", range(25))
async def test_each_request_counts_once_whatever_the_broker_does(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Faults, late records, lanes that are closed and opened elsewhere, a zombie beside them."""
    monkeypatch.setattr(router_lane, "_IDLE_S", 0.01)
    monkeypatch.setattr(router_lane, "_BATCH", 7)
    dice = random.Random(seed)
    house = RouterHouse(dice)
    house.places = {uid(n): f"SKU-{n % 9}:1" for n in range(90)}
    house.say(*(ending("commit", 100 + n, n) if n % 3 else moved("receive", 100 + n, 1) for n in range(90)))
    house.publisher.fails = 0.15
    zombie = house.start()
    await house.feed(zombie)
    for _ in range(3):
        lane = house.start()
        acked = await house.feed(lane, house.committed or 0)
        await asyncio.sleep(dice.random() * 0.02)
        house.committed = acked[-1] + 1 if acked else house.committed
        await lane.close()
    house.publisher.fails = 0.0
    last = house.start()
    await house.feed(last, house.committed or 0)
    await until(lambda: len(house.decided()) >= 90)
    await asyncio.sleep(0.02)
    await house.stop()
    await house.publisher.all_arrived()
    counts = Counter(getattr(admitted.command, "id", None) for _, admitted in house.decided())
    assert (len(counts), set(counts.values()), house.broken) == (90, {1}, [])
    for partition in range(PARTITIONS):
        offsets = [a.slip.stamp[1] for p, a in house.decided() if p == partition and a.slip]
        assert offsets == sorted(offsets)
