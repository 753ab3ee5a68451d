"""The same world under hypothesis, which looks for a history that breaks and makes it short."""

import random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from onhand.deploy.audit.oracle import Oracle
from tests.gate_driver import KEYRING, Record
from tests.simulation.legs.beside import Beside, Store
from tests.simulation.legs.clients import Clients
from tests.simulation.legs.world import WINDOW_MS, World

PARTITIONS, LIMIT = 3, 2

partitions = st.integers(0, PARTITIONS - 1)
dice = st.randoms(use_true_random=False)
some = st.integers(1, 4)


class LegsMachine(RuleBasedStateMachine):
    """Clients, lanes that die, stores that go back: each step by the script and by the model."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.store.raw.flushall()

        def born(partition: int, log: list[Record]) -> Beside:
            return Beside(Oracle(partition, PARTITIONS, KEYRING, WINDOW_MS, LIMIT), self.store, log)

        self.world = World(born, (0, 3_000, 1_000))
        self.clients = Clients(self.world, random.Random(0), careless=0.1, routed=0.1)
        self.saved: list[tuple[int, Any]] = []

    @initialize(dice=dice)
    def stock(self, dice: random.Random) -> None:
        self.clients.dice = dice
        self.clients.stock()

    @rule(dice=dice, count=some)
    def ask(self, dice: random.Random, count: int) -> None:
        self.clients.dice = dice
        for _ in range(count):
            self.clients.ask()

    @rule(pause_ms=st.sampled_from([1, 1_000, 4_000, 11_000, 25_000, 70_000]))
    def wait(self, pause_ms: int) -> None:
        self.world.now += pause_ms

    @rule(partition=partitions, count=some)
    def decide(self, partition: int, count: int) -> None:
        self.world.decide(partition, count)

    @rule(partition=partitions, count=st.integers(1, 9))
    def publish(self, partition: int, count: int) -> None:
        for _ in range(count):
            self.world.publish(partition)

    @rule(partition=partitions, count=some)
    def work(self, partition: int, count: int) -> None:
        self.world.decide(partition, count)
        while self.world.lanes[partition].ahead:
            self.world.publish(partition)

    @rule()
    def route(self) -> None:
        self.world.route()

    @precondition(lambda self: self.world.routed)
    @rule(data=st.data())
    def route_again(self, data: st.DataObject) -> None:
        self.world.route_again(data.draw(st.integers(0, self.world.routed - 1)))

    @rule(partition=partitions, zombie=st.booleans())
    def crash(self, partition: int, zombie: bool) -> None:
        self.world.crash(partition, zombie)

    @precondition(lambda self: self.world.zombies)
    @rule(data=st.data())
    def wake(self, data: st.DataObject) -> None:
        self.world.wake(data.draw(st.integers(0, len(self.world.zombies) - 1)))

    @rule(partition=partitions)
    def save(self, partition: int) -> None:
        self.saved.append((partition, self.world.save(partition)))

    @precondition(lambda self: self.saved)
    @rule(data=st.data(), zombie=st.booleans())
    def fail_over(self, data: st.DataObject, zombie: bool) -> None:
        self.world.put_back(*data.draw(st.sampled_from(self.saved)), zombie)

    def teardown(self) -> None:
        self.world.end(random.Random(0))
        for lane in self.world.lanes:
            lane.engine.check()  # type: ignore[attr-defined]


def test_state_machine(store: Store) -> None:
    LegsMachine.store = store
    run_state_machine_as_test(
        LegsMachine,
        settings=settings(
            max_examples=50, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
