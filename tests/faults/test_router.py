"""Routers are killed between any two effects, and two pass everything on at once: each request has its effect, and its answer, once."""

import itertools
from collections import Counter

from confluent_kafka import Producer

from onhand.agents.probes import Point
from onhand.schemas.topics import COMMANDS
from tests.end_to_end.talk import Talk
from tests.faults.plant import CATCH_UP_S, Plant
from tests.requested import answers, copies, of, request, routed
from tests.stack.waiting import until

POINTS: tuple[Point, ...] = ("before_requests", "after_requests")
SKUS = [f"MANY-{number}" for number in range(20)]


def test_killed_between_two_effects_and_two_at_once(plant: Plant) -> None:
    """Each has a group of its own, which begins at the first request: so all is passed on again and again."""
    kafka, groups = plant.servers.endpoints["kafka"], itertools.count()
    plant.staff()
    stranger = Producer({"bootstrap.servers": kafka})
    with Talk(kafka) as talk:
        stock = [talk.command("receive", sku, quantity=50) for sku in SKUS]
        holds = [talk.command("reserve", SKUS[n % 20], quantity=1, ttl_ms=600_000) for n in range(400)]
        talk.send(*stock, *holds)
        talk.decisions(*(hold["id"] for hold in holds))
    wishes = [of("commit" if n % 2 else "release", hold["id"]) for n, hold in enumerate(holds)]
    request(stranger, *wishes[:200])
    for point, count in zip(POINTS, (1, 3), strict=True):
        plant.worker("router", probe=f"{point}:{count}", group=f"router-{next(groups)}").died()
    last = [f"router-{next(groups)}", f"router-{next(groups)}"]
    workers = [plant.worker("router", group=group).serving() for group in last]
    request(stranger, *wishes[200:])
    until(lambda: all(routed(kafka, group) for group in last), CATCH_UP_S)
    plant.proven()
    times, told = copies(kafka, COMMANDS), answers(kafka, *wishes)
    assert min(times[wish["id"]] for wish in wishes) >= 2
    assert Counter(map(tuple, told.values())) == {("committed",): 200, ("released",): 200}
    for worker in workers:
        worker.stop()
