"""What a lock promises while a majority of its nodes is there."""

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from onhand.deploy.stack.lock_nodes import REST_S
from onhand.lua.locks import TTL_MS, Lease, Locks, NoQuorum, Taken, connect, monotonic_ms
from tests.locks.conftest import Node

KEY = "lock:inv:CLOCK:1"
QUICK = {"ttl_ms": 1_000, "node_timeout_ms": 250}


async def until(look: Callable[[], Any], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not look():  # noqa: ASYNC110 nobody tells when a lease or a key is over
            await asyncio.sleep(0.005)


def keys(nodes: list[Node]) -> list[list[str]]:
    return [sorted(node.client.keys()) for node in nodes]


async def refused(locks: Locks, *positions: str) -> Taken:
    with pytest.raises(Taken) as told:
        async with locks.hold(positions, "bob"):
            pass
    return told.value


async def test_a_lock_is_the_published_one_on_each_node(alice: Locks, nodes: list[Node]) -> None:
    async with alice.hold(["CLOCK:1"], "alice") as lease:
        assert lease.locked
        assert lease.held
        values = {node.client.get(KEY) for node in nodes}
        assert len(values) == 1
        holder, _, random = values.pop().partition(":")
        assert holder == "alice"
        assert len(random) == 32
        assert all(TTL_MS - 2_000 < node.client.pttl(KEY) <= TTL_MS for node in nodes)
    assert keys(nodes) == [[]] * 5


async def test_one_at_a_time_and_who_holds_it_is_told(alice: Locks, bob: Locks) -> None:
    async with alice.hold(["CLOCK:1"], "alice:at the desk"):
        taken = await refused(bob, "CLOCK:1")
        assert (taken.position, taken.holder) == ("CLOCK:1", "alice:at the desk")
        assert str(taken) == "CLOCK:1 is locked by alice:at the desk"
        await refused(alice, "CLOCK:1")  # not even by the same
        async with bob.hold(["CLOCK:2"], "bob") as other:
            assert other.held
    async with bob.hold(["CLOCK:1"], "bob") as lease:
        assert lease.held


async def test_several_positions_are_held_all_or_none(alice: Locks, bob: Locks, nodes: list[Node]) -> None:
    async with alice.hold(["CLOCK:2"], "alice"):
        assert (await refused(bob, "CLOCK:1", "CLOCK:2")).position == "CLOCK:2"
        assert keys(nodes) == [["lock:inv:CLOCK:2"]] * 5
    async with bob.hold(["CLOCK:2", "CLOCK:1", "CLOCK:2"], "bob"):
        assert keys(nodes) == [[KEY, "lock:inv:CLOCK:2"]] * 5
    assert keys(nodes) == [[]] * 5


async def test_the_holder_of_most_nodes_is_named(bob: Locks, nodes: list[Node]) -> None:
    for number, node in enumerate(nodes):
        node.client.set(KEY, "carol:1" if number in (0, 4) else "dave:2")
    assert (await refused(bob, "CLOCK:1")).holder == "dave"


async def test_a_refused_one_leaves_no_minority_behind(bob: Locks, nodes: list[Node]) -> None:
    for node in nodes[:3]:
        node.client.set(KEY, "alice:1")
    await refused(bob, "CLOCK:1")
    assert [node.client.get(KEY) for node in nodes] == ["alice:1"] * 3 + [None] * 2


async def test_the_lock_of_a_holder_that_is_gone_expires(bob: Locks, nodes: list[Node]) -> None:
    for node in nodes:
        node.client.set(KEY, "gone:1", px=300)
    begun = time.monotonic()
    async with bob.hold(["CLOCK:1"], "bob", wait_ms=10_000) as lease:
        assert time.monotonic() - begun >= 0.25
        assert lease.held


async def test_who_waits_gives_up_in_time(alice: Locks, bob: Locks) -> None:
    async with alice.hold(["CLOCK:1"], "alice"):
        begun = time.monotonic()
        with pytest.raises(Taken):
            async with bob.hold(["CLOCK:1"], "bob", wait_ms=400):
                pass
        assert 0.2 < time.monotonic() - begun < 2


async def test_it_is_extended_while_the_work_goes_on(locks_of: Callable[..., Locks], bob: Locks) -> None:
    async with locks_of(**QUICK).hold(["CLOCK:1", "CLOCK:2"], "alice") as lease:
        over = time.monotonic() + 2.2 * QUICK["ttl_ms"] / 1_000
        while time.monotonic() < over:
            await refused(bob, "CLOCK:2")
            assert lease.held
            await asyncio.sleep(0.02)
    async with bob.hold(["CLOCK:1"], "bob"):
        pass


async def test_a_lease_that_others_took_is_lost_and_theirs_is_not_touched(
    locks_of: Callable[..., Locks], nodes: list[Node]
) -> None:
    async with locks_of(ttl_ms=1_800).hold(["CLOCK:1"], "alice") as lease:
        for node in nodes[:3]:
            node.client.set(KEY, "bob:1")
        begun = time.monotonic()
        await until(lambda: not lease.held)
        assert time.monotonic() - begun < 1.6, "told by the extension, before it would have run out"
    assert [node.client.get(KEY) for node in nodes] == ["bob:1"] * 3 + [None] * 2


async def test_a_minority_of_nodes_that_forgot_takes_nothing_away(
    locks_of: Callable[..., Locks], bob: Locks, nodes: list[Node]
) -> None:
    async with locks_of(**QUICK).hold(["CLOCK:1"], "alice") as lease:
        for node in nodes[:2]:
            node.kill()
            node.empty()
        first = lease.until_ms
        await until(lambda: lease.until_ms != first)
        assert lease.held
        assert (await refused(bob, "CLOCK:1")).holder == "alice"


async def test_a_holder_that_was_paused_for_too_long_holds_no_more(locks_of: Callable[..., Locks]) -> None:
    """Its clock jumps, as for a process that was stopped; afterwards no extension brings the lease back."""
    jump_ms = 0
    async with locks_of(**QUICK, clock_ms=lambda: monotonic_ms() + jump_ms).hold(["CLOCK:1"], "alice") as lease:
        assert lease.held
        jump_ms = QUICK["ttl_ms"]
        assert not lease.held
        await asyncio.sleep(0.4)  # longer than a third of the ttl
        assert not lease.held


async def test_nodes_that_are_slower_than_the_lock_is_valid_give_none(
    locks_of: Callable[..., Locks], nodes: list[Node]
) -> None:
    times = iter(range(0, 1_000_000, 4_949))  # 5,000 - 1% - 2 ms, less than the second look
    with pytest.raises(NoQuorum, match="valid"):
        async with locks_of(clock_ms=lambda: next(times)).hold(["CLOCK:1"], "alice"):
            pass
    assert keys(nodes) == [[]] * 5


async def test_who_is_cancelled_lets_go(alice: Locks, nodes: list[Node]) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with alice.hold(["CLOCK:1"], "alice"):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert keys(nodes) == [[]] * 5


async def test_what_the_work_raises_is_raised_and_lets_go(alice: Locks, nodes: list[Node]) -> None:
    with pytest.raises(ZeroDivisionError):
        async with alice.hold(["CLOCK:1"], "alice"):
            _ = 1 / 0
    assert keys(nodes) == [[]] * 5


async def test_opposite_orders_of_positions_both_end(locks_of: Callable[..., Locks]) -> None:
    async def transfers(source: str, destination: str) -> int:
        locks, done = locks_of(), 0
        for _ in range(10):
            async with locks.hold([source, destination], source, wait_ms=20_000) as lease:
                assert lease.held
                done += 1
        return done

    async with asyncio.timeout(30):
        assert await asyncio.gather(transfers("CLOCK:1", "CLOCK:2"), transfers("CLOCK:2", "CLOCK:1")) == [10, 10]


async def test_of_many_contenders_never_two_are_inside(locks_of: Callable[..., Locks]) -> None:
    inside: list[str] = []
    named: set[str] = set()
    most = 0

    async def contend(name: str) -> int:
        nonlocal most
        locks, entered = locks_of(random=Random(name)), 0
        for _ in range(15):
            try:
                async with locks.hold(["CLOCK:1"], name, wait_ms=100) as lease:
                    inside.append(name)
                    most = max(most, len(inside))
                    await asyncio.sleep(0.001)
                    entered += 1
                    assert lease.held
                    inside.remove(name)
            except Taken as taken:
                named.add(taken.holder)
        return entered

    entered = await asyncio.gather(*(contend(f"operator-{number}") for number in range(12)))
    assert most == 1
    assert sum(entered) >= 12
    assert named <= {f"operator-{number}" for number in range(12)}


async def outcome(locks: Locks, position: str, name: str, gone: asyncio.Event) -> str:
    """Who is in stays there until `gone`; whose lock it is, of those that are not."""
    try:
        async with locks.hold([position], name):
            await gone.wait()
            return "in"
    except Taken as taken:
        return taken.holder


async def test_of_a_burst_in_one_process_one_is_in_and_named_to_all_others(alice: Locks, bob: Locks) -> None:
    """So many that they would have to wait for each other's connections longer than for a node that hangs."""
    gone = asyncio.Event()
    calls = [asyncio.create_task(outcome(alice, "CLOCK:1", f"call-{number}", gone)) for number in range(100)]
    await until(lambda: sum(call.done() for call in calls) == 99)
    winner = next(number for number, call in enumerate(calls) if not call.done())
    assert {call.result() for call in calls if call.done()} == {f"call-{winner}"}
    assert (await refused(bob, "CLOCK:1")).holder == f"call-{winner}"
    gone.set()
    assert await calls[winner] == "in"
    async with bob.hold(["CLOCK:1"], "bob"):
        told = await asyncio.gather(*(outcome(alice, "CLOCK:1", f"call-{number}", gone) for number in range(100)))
    assert set(told) == {"bob"}


async def test_a_burst_for_many_positions_gets_them_all(alice: Locks) -> None:
    gone = asyncio.Event()
    gone.set()
    told = await asyncio.gather(*(outcome(alice, f"CLOCK:{number + 1}", "alice", gone) for number in range(200)))
    assert set(told) == {"in"}


async def test_who_waits_for_another_of_its_process_goes_on_when_that_one_is_cancelled(
    alice: Locks, nodes: list[Node]
) -> None:
    for node in nodes[:2]:
        node.hang()  # so that taking takes a while
    gone = asyncio.Event()
    first, second = (asyncio.create_task(outcome(alice, "CLOCK:1", name, gone)) for name in ("first", "second"))
    await until(lambda: any(node.client.exists(KEY) for node in nodes[2:]))
    first.cancel()
    await until(lambda: any(str(node.client.get(KEY)).startswith("second") for node in nodes[2:]))
    gone.set()
    assert await second == "in"


async def test_without_nodes_the_work_goes_on_unlocked_and_says_so() -> None:
    async with connect([]).hold(["CLOCK:1"], "alice") as one, connect([]).hold(["CLOCK:1"], "bob") as other:
        assert (one.locked, other.locked) == (False, False)
        assert one.held, "there is nothing that could be lost"


async def test_no_position_at_all_is_refused(alice: Locks) -> None:
    with pytest.raises(ValueError, match="positions"):
        async with alice.hold([], "alice"):
            pass


async def test_a_lease_that_was_never_got_is_not_held() -> None:
    assert not Lease(["CLOCK:1"], "alice:1", True, monotonic_ms).held


def test_a_node_of_the_stack_that_forgot_stays_away_longer_than_a_lock_lives() -> None:
    assert REST_S * 1_000 > TTL_MS
