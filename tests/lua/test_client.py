"""The typed client: every fault of a server is one of two kinds, and a call that was given up leaves no reply behind."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from redis.exceptions import ResponseError

from onhand.lua.format import Alarm, Already, Level, Outcomes, keys_of, unpack_outcomes
from onhand.lua.gate.client import Gate, connect, fault_of
from onhand.schemas.faults import Corrupt, Retryable
from tests.lua.driver import PARTITION, A, Partition, Raw, number, receive, reserve, whole_state

KEYS = keys_of(PARTITION)
ROWS = number([receive("a", 1)], 0)


@pytest.fixture
async def partition(gate: Gate, raw: Raw) -> Partition:
    return await Partition(gate, raw).birth()


@pytest.fixture
def paused(raw: Raw) -> Iterator[Raw]:
    """Writes wait until they are let go."""
    raw.execute_command("CLIENT PAUSE", 60_000, "WRITE")
    yield raw
    raw.execute_command("CLIENT UNPAUSE")


def wait_for_evalsha(raw: Raw) -> None:
    """Until the server has the call and lets it wait."""
    while not any(client["cmd"] == "evalsha" and "b" in client["flags"] for client in raw.client_list()):
        pass


async def test_a_server_that_forgot_the_script_is_told_again(gate: Gate, partition: Partition) -> None:
    for offset in range(3):
        partition.raw.script_flush()
        rows = number([receive(f"r{offset}", 1)], offset)
        assert isinstance(await gate.decide(PARTITION, offset - 1, offset, -1, None, rows), Outcomes)


async def test_no_answer_in_time_is_retryable(server: str, partition: Partition, paused: Raw) -> None:
    gate = connect(server, timeout_s=0.05)
    with pytest.raises(Retryable, match="did not answer"):
        await gate.decide(PARTITION, -1, 0, -1, None, ROWS)
    assert (await gate.offset(PARTITION)) == -1
    paused.execute_command("CLIENT UNPAUSE")
    answer = await gate.decide(PARTITION, -1, 0, -1, None, ROWS)
    assert isinstance(answer, Outcomes) or answer == Already(0)
    await gate.close()


async def test_a_cancelled_call_ends_at_once(gate: Gate, partition: Partition, paused: Raw) -> None:
    await gate.offset(PARTITION)
    call = asyncio.create_task(gate.decide(PARTITION, -1, 0, -1, None, ROWS))
    await asyncio.to_thread(wait_for_evalsha, paused)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await gate.levels(PARTITION, [A]) == {A: Level(0, 0, 0, 0)}


async def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        gate = connect(f"redis://:secret@127.0.0.1:{probe.getsockname()[1]}/0")
        with pytest.raises(Retryable) as caught:
            await gate.mark(PARTITION)
    assert "secret" not in str(caught.value)
    await gate.close()


@pytest.mark.parametrize(("setting", "value", "after"), [("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")])
async def test_a_server_that_takes_no_writes(
    gate: Gate, partition: Partition, setting: str, value: str, after: str
) -> None:
    before = whole_state(partition.raw)
    partition.raw.config_set(setting, value)
    try:
        with pytest.raises(Retryable):
            await gate.decide(PARTITION, -1, 0, -1, None, ROWS)
    finally:
        partition.raw.config_set(setting, after)
    assert whole_state(partition.raw) == before


async def test_a_replica(gate: Gate, partition: Partition) -> None:
    partition.raw.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(Retryable):
            await gate.decide(PARTITION, -1, 0, -1, None, ROWS)
    finally:
        partition.raw.execute_command("REPLICAOF", "NO", "ONE")
    assert await gate.offset(PARTITION) == -1


@pytest.mark.parametrize(
    "message",
    ["BUSY Redis is busy running a script.", "MISCONF Errors writing to the AOF file", "NOREPLICAS Not enough"],
)
def test_codes_that_the_client_library_has_no_class_for(message: str) -> None:
    assert isinstance(fault_of(ResponseError(message)), Retryable)


@pytest.mark.parametrize(
    "message", ["CORRUPT row 1: op", "WRONGTYPE Operation against a key", "unknown command", "NOPERM"]
)
def test_other_errors_are_corrupt(message: str) -> None:
    assert isinstance(fault_of(ResponseError(message)), Corrupt)


@pytest.mark.parametrize("blob", [b"", b"\xc1", b"\x05", b"\x90", b"\x92\x01\x02"])
def test_outcomes_that_are_none(blob: bytes) -> None:
    with pytest.raises(Corrupt):
        unpack_outcomes(blob)


@pytest.mark.parametrize(
    "field", [{"seq": "x"}, {"unpublished": b"\xc1"}, {"unpublished": b"\x91\x92\x01\x02"}, {"record_offset": "1"}]
)
async def test_a_malformed_mark(gate: Gate, partition: Partition, field: dict[str, Any]) -> None:
    partition.raw.hset(KEYS.gate, mapping=field)
    with pytest.raises(Corrupt):
        await gate.mark(PARTITION)


async def test_alarms_stay_until_they_are_cleared(gate: Gate, partition: Partition) -> None:
    alarm = Alarm("topic_id", 'another "topic"', 7)
    assert await gate.alarm(PARTITION) is None
    await gate.raise_alarm(PARTITION, alarm)
    assert await gate.alarm(PARTITION) == alarm
    assert await gate.clear_alarm(PARTITION)
    assert not await gate.clear_alarm(PARTITION)
    assert await gate.alarm(PARTITION) is None


async def test_due_counts_what_has_expired(gate: Gate, partition: Partition) -> None:
    await partition.say(receive("a", 9), *(reserve(f"r{i}", 1, 10 * (i + 1)) for i in range(5)))
    assert [await gate.due(PARTITION, at_ms) for at_ms in (5_009, 5_010, 5_030, 9_999)] == [0, 1, 3, 5]


async def test_levels(gate: Gate, partition: Partition) -> None:
    await partition.say(receive("a", 9), reserve("r", 2))
    assert await gate.levels(PARTITION, [A, "NEVER:1"]) == {A: Level(7, 2, 9, 2), "NEVER:1": Level(0, 0, 0, 0)}
    assert await gate.levels(PARTITION, []) == {}
