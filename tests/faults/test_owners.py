"""Two processes that both think a partition is theirs: the scripts refuse one of them, and nothing is told in two ways."""

import signal
import time

from tests.faults.load import Load
from tests.faults.plant import Plant
from tests.stack.waiting import until

SESSION_S = 6.0


def test_two_owners_of_every_partition_for_a_while(plant: Plant) -> None:
    """Two consumer groups each: nobody knows of the other, only the watermarks stand between them."""
    plant.staff()
    others = [plant.worker(role, group=f"other-{role}").serving() for role in ("gate", "ledger")]
    with Load(plant.servers.endpoints["kafka"], seed=4, rate=500) as load:
        until(lambda: load.sent > 2_500, 60)
    plant.proven()
    for worker in others:
        worker.stop()


def test_a_zombie_wakes_up_after_its_partitions_were_given_to_another(plant: Plant) -> None:
    """Stopped in the midst of its work for longer than the session lasts, then let go on."""
    zombies = [*plant.staff()]
    plant.staff()
    with Load(plant.servers.endpoints["kafka"], seed=5) as load:
        load.say(200)
        for zombie in zombies:
            zombie.signal(signal.SIGSTOP)
        asleep = time.monotonic()
        until(lambda: time.monotonic() - asleep > SESSION_S + 2, 30)
        before = load.sent
        for zombie in zombies:
            zombie.signal(signal.SIGCONT)
        until(lambda: load.sent > before + 400)
    plant.proven()
    assert plant.ended() == []
