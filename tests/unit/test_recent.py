"""The cache and the circuit of the gateway's reads."""

import asyncio

import pytest

from onhand.agents.gateway.reads.circuit import Circuit
from onhand.agents.gateway.reads.recent import FRESH_MS, STALE_MS, Recent
from onhand.schemas.faults import Corrupt, Retryable


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def now_ms(self) -> int:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1_000)


class Source:
    """Squares; it remembers what it was asked, and fails on demand. Negative numbers have none."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.away = False

    async def load(self, keys: list[int]) -> dict[int, int]:
        self.asked.append(keys)
        if self.away:
            raise Retryable("away")
        return {key: key * key for key in keys if key >= 0}


async def test_each_key_is_asked_once_a_second() -> None:
    clock, source = Clock(), Source()
    recent = Recent(clock, source.load, most=10)
    assert await recent.of([1, 2]) == {1: 1, 2: 4}
    assert await recent.of([2, 3]) == {2: 4, 3: 9}
    clock.ms += FRESH_MS - 1
    assert await recent.of([1]) == {1: 1}
    clock.ms += 1
    assert await recent.of([1]) == {1: 1}
    assert source.asked == [[1, 2], [3], [1]]


async def test_what_has_no_value_is_asked_each_time() -> None:
    source = Source()
    recent = Recent(Clock(), source.load, most=10)
    assert await recent.of([-1]) == await recent.of([-1]) == {}
    assert source.asked == [[-1], [-1]]


async def test_it_is_bounded_and_forgets_the_oldest_and_answers_whole_all_the_same() -> None:
    source = Source()
    recent = Recent(Clock(), source.load, most=3)
    assert await recent.of([1, 2, 3]) == {1: 1, 2: 4, 3: 9}
    assert await recent.of([1, 4, 5]) == {1: 1, 4: 16, 5: 25}
    assert await recent.of([3]) == {3: 9}
    assert await recent.of([2]) == {2: 4}
    assert await recent.of(range(9)) == {n: n * n for n in range(9)}
    assert source.asked[:3] == [[1, 2, 3], [4, 5], [2]]
    assert len(recent._kept) <= 9


async def test_what_was_forgotten_is_asked_anew() -> None:
    source = Source()
    recent = Recent(Clock(), source.load, most=3)
    await recent.of([1])
    recent.forget(1)
    recent.forget(2)
    await recent.of([1])
    assert source.asked == [[1], [1]]


async def test_while_the_source_is_away_old_values_are_better_than_none() -> None:
    clock, source = Clock(), Source()
    recent = Recent(clock, source.load, most=3)
    await recent.of([1])
    source.away = True
    clock.ms += STALE_MS - 1
    assert await recent.of([1]) == {1: 1}
    with pytest.raises(Retryable):
        await recent.of([1, 2])
    clock.ms += 1
    with pytest.raises(Retryable):
        await recent.of([1])


class Server:
    """Answers, is away, hangs, or is broken."""

    def __init__(self) -> None:
        self.calls = 0
        self.fault: str | None = None

    async def act(self) -> int:
        self.calls += 1
        match self.fault:
            case "away":
                raise Retryable("refused")
            case "hangs":
                await asyncio.Event().wait()
            case "broken":
                raise Corrupt("nonsense")
        return self.calls


@pytest.mark.parametrize("fault", ["away", "hangs"])
async def test_a_server_that_is_away_is_tried_once_a_second_until_it_is_back(fault: str) -> None:
    clock, server = Clock(), Server()
    circuit = Circuit("server", clock, patience_s=0.01)
    assert await circuit.call(server.act) == 1
    server.fault = fault
    for _ in range(5):
        with pytest.raises(Retryable):
            await circuit.call(server.act)
    assert server.calls == 2
    clock.ms += 1_000
    results = await asyncio.gather(*(circuit.call(server.act) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(result, Retryable) for result in results)
    assert server.calls == 3
    server.fault = None
    clock.ms += 999
    with pytest.raises(Retryable):
        await circuit.call(server.act)
    clock.ms += 1
    assert await circuit.call(server.act) == 4
    assert await circuit.call(server.act) == 5


async def test_what_is_no_absence_goes_through_and_opens_nothing() -> None:
    server = Server()
    circuit = Circuit("server", Clock(), patience_s=1)
    server.fault = "broken"
    for _ in range(2):
        with pytest.raises(Corrupt):
            await circuit.call(server.act)
    assert server.calls == 2
