"""`bench http`: how long callers of the gateway wait and what a call costs: a gateway, a gate worker, a ledger worker."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import uvloop

from onhand.deploy.bench.caller import Caller
from onhand.deploy.bench.cpu import Cpu, pace
from onhand.deploy.bench.figures import Figure, Latency, Rate
from onhand.deploy.bench.ground import Ground, pids
from onhand.deploy.bench.load import Load, fill, receives
from onhand.deploy.bench.samples import Span, costs
from onhand.schemas.faults import Corrupt
from onhand.schemas.positions import split_position
from onhand.sql.api_keys import SCOPES, ApiKeys, new_key
from onhand.sql.pool import Pool

_RESERVE_GOAL = 15.0, 50.0
_COMMIT_GOAL = None, 400.0
_POSITIONS_GOAL = 20_000.0
_LINES_GOAL = 10_000.0
_POSITIONS = 1_000
_PIECE = 500
"""Lines that are sent at once."""
_SKUS = 100
"""Of an availability call."""
_CONNECTIONS = 4
_KNOWN_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Pressure:
    """How much is asked of the gateway. `steady_s` seconds of reserves, then as long of commits."""

    reserves_per_s: int = 200
    commits_per_s: int = 50
    steady_s: int = 20
    reads_s: float = 5.0
    lines: int = 100_000
    """Of a batch."""
    warm_up: int = 1_000
    """Reserves that are not measured: the broker's JVM still compiles what it needs for small requests."""


def measure_http(ground: Ground, pressure: Pressure) -> Iterator[Figure]:
    """Reserves at a steady rate, commits of some of them; availability and a batch of receives as fast as it goes."""
    load = Load("HTTP", _POSITIONS, pressure.reserves_per_s * pressure.steady_s)
    key = asyncio.run(_new_key(ground))
    with ground.worker("ledger") as ledger, ground.worker("gate") as gate, ground.gateway() as (gateway, url):
        fill(ground.settings.broker, receives(load, Random(1)))
        cpu = Cpu(pids(ground, [("gateway", gateway), ("gate", gate), ("ledger", ledger)]))
        yield from uvloop.run(_measured(url, key, load, cpu, pressure))


async def _measured(url: str, key: str, load: Load, cpu: Cpu, pressure: Pressure) -> list[Figure]:
    async with Caller(url, key) as caller:
        shop = _Shop(caller, load, cpu)
        await shop.stocked()
        await shop.reserve(pressure.warm_up, pressure.reserves_per_s)
        reservations, reserves = await shop.reserve(load.commands, pressure.reserves_per_s)
        sold = reservations[: pressure.commits_per_s * pressure.steady_s]
        commits = await shop.commit(sold, pressure.commits_per_s)
        return [reserves, commits, await shop.read(pressure.reads_s), await shop.send_batch(pressure.lines)]


class _Shop:
    """What a shop asks about the positions of a load."""

    def __init__(self, caller: Caller, load: Load, cpu: Cpu) -> None:
        self._caller = caller
        self._cpu = cpu
        self._random = Random(load.commands)
        self._places = [split_position(place) for place in load.places()]

    async def stocked(self) -> None:
        """Wait until the ledger has the stock of all positions, and so the gateway knows where to look."""
        until, skus = time.monotonic() + _KNOWN_WITHIN_S, [sku_id for sku_id, _ in self._places]
        for start in range(0, len(skus), _SKUS):
            asked = {"sku_ids": skus[start : start + _SKUS]}
            while not all((await self._caller.post("availability", asked)).values()):
                if time.monotonic() > until:
                    raise Corrupt("the stock that came in is not available")
                await asyncio.sleep(0.1)

    async def reserve(self, count: int, per_s: int) -> tuple[list[str], Latency]:
        """Reservations of a unit each, and how long each took."""
        lines = [self._random.choice(self._places) for _ in range(count)]
        bodies = [[{"sku_id": sku_id, "warehouse_id": place, "quantity": 1}] for sku_id, place in lines]
        answers, latency = await self._timed("reserve", bodies, per_s, _RESERVE_GOAL)
        return [answer["reservation_id"] for answer in answers], latency

    async def commit(self, reservations: Sequence[str], per_s: int) -> Latency:
        """How long it took until each was sold, and so answered."""
        bodies = [{"reservation_id": reservation_id} for reservation_id in reservations]
        return (await self._timed("commit", bodies, per_s, _COMMIT_GOAL))[1]

    async def read(self, seconds: float) -> Rate:
        """Availability of many SKUs a call, on several connections, each call after the last one's answer."""
        before, began = self._cpu.seconds(), time.monotonic()
        count = sum(await asyncio.gather(*(self._read_until(began + seconds) for _ in range(_CONNECTIONS))))
        span = self._since(before, began, count)
        return Rate.of("HTTP availability", f"{_SKUS} SKUs a call, in positions", span, _POSITIONS_GOAL)

    async def send_batch(self, lines: int) -> Rate:
        """One batch of receives, from its first line sent to its last decision read."""
        before, began, count = self._cpu.seconds(), time.monotonic(), 0
        async for answer in self._caller.stream("batch", self._receives(lines)):
            if answer.get("outcome") != "applied":
                raise Corrupt(f"batch: {answer}")
            count += 1
        if count != lines:
            raise Corrupt(f"batch: {count} answers to {lines} lines")
        return Rate.of("HTTP batch", f"{lines:,} receives, in lines", self._since(before, began, count), _LINES_GOAL)

    async def _receives(self, lines: int) -> AsyncIterator[bytes]:
        for start in range(0, lines, _PIECE):
            places = [self._random.choice(self._places) for _ in range(min(_PIECE, lines - start))]
            yield b"".join(
                b'{"type":"receive","sku_id":"%b","warehouse_id":%d,"quantity":1}\n' % (sku_id.encode(), place)
                for sku_id, place in places
            )

    def _since(self, before: Mapping[str, float], began: float, count: int) -> Span:
        took_s, after = time.monotonic() - began, self._cpu.seconds()
        return Span(count, took_s, costs(before, after, count), pace())

    async def _read_until(self, until: float) -> int:
        count, skus = 0, [sku_id for sku_id, _ in self._places]
        while time.monotonic() < until:
            shelves = await self._caller.post("availability", {"sku_ids": self._random.sample(skus, _SKUS)})
            count += sum(map(len, shelves.values()))
        return count

    async def _timed(
        self, call: str, bodies: Sequence[Any], per_s: int, goal: tuple[float | None, float]
    ) -> tuple[list[Any], Latency]:
        before = self._cpu.seconds()
        answers = await self._caller.steadily(call, bodies, per_s)
        spent, took = costs(before, self._cpu.seconds(), len(bodies)), [answer.took_s for answer in answers]
        latency = Latency.of(f"HTTP {call}", f"{per_s}/s", took, goal, cpu_us=spent, pace_us=pace())
        return [answer.body for answer in answers], latency


async def _new_key(ground: Ground) -> str:
    pool = Pool(ground.settings.postgres.get_secret_value(), connections=1)
    try:
        await pool.open()
        key = new_key(SCOPES)
        await ApiKeys(pool).add(key)
        return key.key
    finally:
        await pool.close()
