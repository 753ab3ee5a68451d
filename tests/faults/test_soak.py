"""Everything at once, at random, for as long as one likes: `make soak`."""

import os
import random
import signal
import time
from collections.abc import Callable

from tests.faults.load import Load
from tests.faults.plant import Plant, Worker
from tests.faults.test_servers import dump, put_back
from tests.stack.waiting import until

SECONDS = float(os.environ.get("ONHAND_SOAK_S", "15"))
SEED = int(os.environ.get("ONHAND_SOAK_SEED", "1"))
RATE = int(os.environ.get("ONHAND_SOAK_RATE", "300"))


class Nemesis:
    """Harms one thing after the other, and always leaves somebody to work."""

    def __init__(self, plant: Plant, seed: int) -> None:
        self.plant, self.dice = plant, random.Random(seed)
        self.done: list[str] = []
        self._copy: dict[bytes, bytes] = {}
        self._crew = plant.staff(gates=2, ledgers=1)
        self._asleep: list[Worker] = []

    def strike(self) -> None:
        """One harm."""
        harms: list[tuple[int, Callable[[], None]]] = [
            (5, self.kill_worker), (2, self.stop_worker), (2, self.put_worker_to_sleep), (1, self.kill_redis),
            (1, self.kill_postgres), (1, self.kill_kafka), (2, self.copy_store), (1, self.put_store_back),
        ]  # fmt: skip
        (harm,) = self.dice.choices([harm for _, harm in harms], [weight for weight, _ in harms])
        self.done.append(harm.__name__)
        harm()

    def relent(self) -> None:
        """Everybody who sleeps wakes up; workers are as many as at first."""
        while self._asleep:
            self._asleep.pop().signal(signal.SIGCONT)
        self._crew = [worker if worker.process.poll() is None else self._another(worker) for worker in self._crew]

    def kill_worker(self) -> None:
        """SIGKILL, and another one in its place."""
        place = self.dice.randrange(len(self._crew))
        self._crew[place].kill()
        self._crew[place] = self._another(self._crew[place])

    def stop_worker(self) -> None:
        """SIGTERM, as at every deployment."""
        place = self.dice.randrange(len(self._crew))
        if self._crew[place] not in self._asleep:
            self._crew[place].signal(signal.SIGTERM)
            self._crew[place] = self._another(self._crew[place])

    def put_worker_to_sleep(self) -> None:
        """SIGSTOP; the next time, the one that sleeps wakes up."""
        if self._asleep:
            return self._asleep.pop().signal(signal.SIGCONT)
        worker = self.dice.choice(self._crew)
        worker.signal(signal.SIGSTOP)
        self._asleep.append(worker)

    def kill_redis(self) -> None:
        """What was not on its disk yet is gone: up to a second."""
        self.plant.kill_server("redis")

    def kill_postgres(self) -> None:
        """It recovers from its log."""
        self.plant.kill_server("postgres")

    def kill_kafka(self) -> None:
        """One broker: everybody waits."""
        self.plant.kill_server("kafka")

    def copy_store(self) -> None:
        """A copy of the gate's store, for later."""
        with self.plant.redis() as redis:
            self._copy = dump(redis)

    def put_store_back(self) -> None:
        """The gate's store is what it was at the last copy."""
        if self._copy:
            with self.plant.redis() as redis:
                put_back(redis, self._copy)

    def _another(self, worker: Worker) -> Worker:
        return self.plant.worker(worker.role)


def test_random_harm(plant: Plant) -> None:
    nemesis = Nemesis(plant, SEED)
    end = time.monotonic() + SECONDS
    with Load(plant.servers.endpoints["kafka"], seed=SEED, rate=RATE) as load:
        while time.monotonic() < end:
            nemesis.strike()
            heard = load.sent + nemesis.dice.randrange(2 * RATE)
            until(lambda heard=heard: load.sent >= heard, 60)  # type: ignore[misc]
        nemesis.relent()
    print(f"{load.sent} commands, {nemesis.done}")
    plant.proven()
