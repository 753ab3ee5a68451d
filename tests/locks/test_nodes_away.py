"""Nodes that died, hang or know another password: two of five are nothing, three end every lock."""

import asyncio
import time
from collections.abc import Callable

import pytest

from onhand.lua.locks import NODE_TIMEOUT_MS, Locks, NoQuorum, Taken, connect
from onhand.schemas.faults import Retryable
from tests.locks.conftest import Node
from tests.locks.test_locks import QUICK, keys, refused, until


async def test_two_of_five_killed_changes_nothing(alice: Locks, bob: Locks, nodes: list[Node]) -> None:
    for node in nodes[:2]:
        node.kill()
    async with alice.hold(["CLOCK:1"], "alice") as lease:
        assert lease.held
        assert (await refused(bob, "CLOCK:1")).holder == "alice"
    assert keys(nodes[2:]) == [[]] * 3


async def test_three_of_five_killed_and_nobody_gets_a_lock(alice: Locks, nodes: list[Node]) -> None:
    for node in nodes[:3]:
        node.kill()
    with pytest.raises(NoQuorum, match=r"2 of 5 nodes answer, 3 must: ConnectionError.*") as told:
        async with alice.hold(["CLOCK:1"], "alice", wait_ms=10_000):
            pass
    assert isinstance(told.value, Retryable)
    assert keys(nodes[3:]) == [[]] * 2


async def test_a_taken_lock_is_told_by_a_bare_majority_too(alice: Locks, bob: Locks, nodes: list[Node]) -> None:
    async with alice.hold(["CLOCK:1"], "alice"):
        for node in nodes[:2]:
            node.kill()
        with pytest.raises(Taken, match="by alice"):
            async with bob.hold(["CLOCK:1"], "bob"):
                pass
        nodes[2].kill()
        with pytest.raises(NoQuorum):
            async with bob.hold(["CLOCK:1"], "bob"):
                pass


async def test_nodes_that_hang_delay_nobody_beyond_their_timeout(alice: Locks, nodes: list[Node]) -> None:
    for node in nodes[:2]:
        node.hang()
    begun = time.monotonic()
    async with alice.hold(["CLOCK:1"], "alice") as lease:
        assert lease.held
        assert NODE_TIMEOUT_MS / 1_000 <= time.monotonic() - begun < 1.5  # asked all at once, not one after another
    nodes[2].hang()
    begun = time.monotonic()
    with pytest.raises(NoQuorum, match="no answer within 250 ms"):
        async with alice.hold(["CLOCK:1"], "alice"):
            pass
    assert time.monotonic() - begun < 1.5
    assert keys(nodes[3:]) == [[]] * 2


async def test_a_burst_hears_of_nodes_that_hang_all_at_once(alice: Locks, nodes: list[Node]) -> None:
    for node in nodes[:3]:
        node.hang()
    begun = time.monotonic()
    holds = (alice.hold(["CLOCK:1"], f"call-{number}").__aenter__() for number in range(30))
    told = await asyncio.gather(*holds, return_exceptions=True)
    assert {type(each) for each in told} == {NoQuorum}
    assert time.monotonic() - begun < 3


async def test_a_lease_is_lost_with_its_majority(locks_of: Callable[..., Locks], nodes: list[Node]) -> None:
    """Held for as long as what was granted is valid, since nobody else can get it meanwhile; then no more."""
    async with locks_of(**QUICK).hold(["CLOCK:1"], "alice") as lease:
        for node in nodes[:3]:
            node.kill()
        assert lease.held
        await until(lambda: not lease.held, within_s=2)


async def test_an_extension_is_tried_again_while_the_lease_is_valid(
    locks_of: Callable[..., Locks], nodes: list[Node]
) -> None:
    async with locks_of(ttl_ms=3_000, node_timeout_ms=200).hold(["CLOCK:1"], "alice") as lease:
        first = lease.until_ms
        for node in nodes:
            node.hang()
        await asyncio.sleep(1.3)  # the first extension comes after 1 s, and nobody answers it
        assert lease.until_ms == first
        for node in nodes:
            node.resume()
        await until(lambda: lease.until_ms != first)
        assert lease.held


async def test_a_wrong_password_is_a_reason_and_is_not_told(nodes: list[Node]) -> None:
    locks = connect([node.url.replace("//", "//:s3cret@") for node in nodes])
    with pytest.raises(NoQuorum, match="0 of 5 nodes answer, 3 must: AuthenticationError") as told:
        async with locks.hold(["CLOCK:1"], "alice"):
            pass
    assert "s3cret" not in str(told.value)
    await locks.close()


async def test_nodes_that_came_back_vote_again(alice: Locks, nodes: list[Node]) -> None:
    """The connections to them are dead, and no lock is refused for it."""
    async with alice.hold(["CLOCK:1"], "alice"):
        pass
    for node in nodes:
        node.kill()
    with pytest.raises(NoQuorum, match="0 of 5"):
        async with alice.hold(["CLOCK:1"], "alice"):
            pass
    for node in nodes:
        node.empty()
    async with alice.hold(["CLOCK:1"], "alice") as lease:
        assert lease.held
    for node in nodes:
        node.kill()
        node.empty()
    async with alice.hold(["CLOCK:1"], "alice") as lease:
        assert lease.held
