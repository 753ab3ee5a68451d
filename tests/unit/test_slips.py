"""Slips that a partition seldom meets, put into its log by hand."""

import json
from typing import Any

import pytest

from onhand.deploy.audit.oracle import Decision
from onhand.deploy.audit.record import Record
from onhand.schemas.faults import Corrupt
from tests.legs_scenarios import A, B, C, at, of, order
from tests.legs_world import World
from tests.scenarios import START_MS, SWEEP_LIMIT, WINDOW_MS, Step, moved, uid

ROUTER = -1


@pytest.fixture
def world() -> World:
    """An order of one unit at A (partition 0) and B (partition 1, the home)."""
    world = World(WINDOW_MS, SWEEP_LIMIT, now=START_MS)
    for number, place in enumerate((A, B)):
        world.append(number, Step(moved("receive", number, 10, **at(place)), ()).bytes)
    world.append(0, Step(order(10, (A, 1), (B, 1)), ()).bytes)
    world.until_quiet()
    return world


def put(world: World, partition: int, slip: str, stamp: tuple[int, int, int], **fields: Any) -> list[Decision]:
    """What the partition decides of a signed slip."""
    world.append(partition, json.dumps({"type": slip, "from": stamp, "to": partition} | fields).encode(), own=True)
    world.until_quiet()
    return world.told[partition][-1]


def test_a_reservation_that_the_router_found_nowhere(world: World) -> None:
    fields = {"verb": "extend", "id": uid(20), "reservation_id": uid(99), "reference_id": "r"}
    assert put(world, 2, "unplaced", (ROUTER, 7, 0), **fields) == [
        {"type": "extend", "outcome": "unknown_reservation", "complete": True, "id": uid(20), "reservation_id": uid(99),
         "reference_id": "r", "seq": 1, "seen": [[ROUTER, 7, 0]], "source_offset": 0, "decided_at_ms": START_MS}
    ]  # fmt: skip
    assert put(world, 2, "unplaced", (ROUTER, 7, 0), **fields) == []
    assert put(world, 2, "unplaced", (ROUTER, 8, 0), **fields)[0]["seq"] == 2


def test_a_command_that_the_router_passes_on_is_as_from_its_client(world: World) -> None:
    wish = moved("receive", 21, 5, **at(A))
    (decision,) = put(world, 0, "passed", (ROUTER, 7, 0), command=wish)
    assert (decision["outcome"], decision["available_qty"], decision["seen"][0]) == ("applied", 14, [ROUTER, 7, 0])
    (decision,) = put(world, 0, "passed", (ROUTER, 8, 0), command=wish)
    assert decision["replayed"]


def test_a_commit_that_is_passed_on_means_one_use(world: World) -> None:
    commit = of("commit", 20, 10, A)
    (decision,) = put(world, 1, "passed", (2, 0, 0), command=commit, opened_at_ms=START_MS + 1)
    assert (decision["outcome"], "sku_id" in decision, decision["complete"]) == ("unknown_reservation", False, True)
    told = put(world, 1, "passed", (2, 1, 0), command=commit, opened_at_ms=START_MS)
    assert [d["outcome"] for d in told] == ["committed"]
    assert not world.oracles[0].holds
    too_late = of("release", 22, 10, A)
    (decision,) = put(world, 1, "passed", (2, 2, 0), command=too_late, opened_at_ms=START_MS)
    assert (decision["outcome"], "quantity" in decision) == ("already_committed", False)
    (decision,) = put(world, 1, "passed", (2, 3, 0), command=too_late, opened_at_ms=START_MS + 1)
    assert decision["outcome"] == "unknown_reservation"


def test_stamps_of_silent_slips_are_told_with_the_next_decision(world: World) -> None:
    assert put(world, 0, "passed", (ROUTER, 7, 0), command=of("commit", 20, 10, A)) != []  # the settle that it led to
    passed, settled = world.told[0][-2:]
    assert passed == []
    assert settled[0]["seen"][0] == [ROUTER, 7, 0]
    assert [source for source, *_ in settled[0]["seen"]] == [ROUTER, 1]


def test_an_old_stamp_moves_the_clock_and_nothing_else(world: World) -> None:
    world.now += 5
    before = world.state()
    assert put(world, 1, "passed", (0, 0, 0), command=moved("receive", 30, 1, **at(B))) == []
    assert world.state() == before
    assert world.oracles[1].clock == START_MS + 5


def test_an_undo_of_what_is_not_held_cannot_be(world: World) -> None:
    world.append(0, Step(order(11, (A, 1), (B, 99)), ()).bytes)
    world.until_quiet()
    undo = json.loads(world.logs[0][-1].value or b"")
    assert undo["type"] == "undo"
    assert world.told[0][-1][0]["reason"] == "order_refused"
    with pytest.raises(Corrupt, match=uid(11)):
        put(
            world,
            0,
            "undo",
            (1, 99, 0),
            **{name: field for name, field in undo.items() if name not in ("type", "from", "to")},
        )


def copy_to(world: World, partition: int, copied: Record) -> None:
    """A stranger puts a record as it is, with its signature, into another partition: it is answered there, and does nothing."""
    before = world.state()
    world.append(partition, copied.value, own=True)
    world.until_quiet(away={1})
    (decision,) = world.told[partition][-1]
    wanted = f"{json.loads(copied.value or b'')['type']}: does not belong to partition {partition}"
    assert (decision["outcome"], decision["message"], "seen" in decision) == ("invalid", wanted, False)
    assert [state[:-1] for state in world.state()] == [state[:-1] for state in before]
    assert world.sent[partition][-1] == []


def test_a_settle_in_another_partition_is_nobodys(world: World) -> None:
    world.append(1, Step(of("commit", 20, 10, B), ()).bytes)
    world.until_quiet()
    copy_to(world, 2, world.logs[0][-1])


def test_an_undo_in_the_partition_that_sent_it_is_nobodys(world: World) -> None:
    world.append(0, Step(order(11, (A, 1), (C, 1)), ()).bytes)
    world.until_quiet()
    copy_to(world, 2, world.logs[0][-1])


def test_a_hop_at_a_later_leg_is_nobodys(world: World) -> None:
    """Else that leg, and with it the whole order, would be reserved before those between were asked."""
    world.append(2, Step(moved("receive", 12, 10, **at(C)), ()).bytes)
    world.append(0, Step(order(11, (A, 1), (B, 99), (C, 1)), ()).bytes)
    world.until_quiet(away={1})
    copy_to(world, 2, world.logs[1][-1])
    world.until_quiet()
    assert not world.oracles[2].holds
