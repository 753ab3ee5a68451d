"""Routers are killed between any two effects, and two pass everything on at once: each request has its effect, and its answer, once."""

import itertools
import json
from collections import Counter
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from onhand.agents.probes import Point
from onhand.agents.worker import EXIT_BROKEN
from onhand.schemas.topics import COMMANDS, REQUESTS
from tests.end_to_end.talk import Talk
from tests.faults.plant import CATCH_UP_S, Plant
from tests.faults.test_alarms import onhand
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


def test_a_topic_of_requests_that_was_made_anew_waits_for_an_operator(plant: Plant) -> None:
    """Its offsets begin at 0 again, below what gates have seen; from `resume` on all of it is passed on, once."""
    kafka = plant.servers.endpoints["kafka"]
    plant.staff()
    router = plant.worker("router").serving()
    stranger = Producer({"bootstrap.servers": kafka})
    with Talk(kafka) as talk:
        first = [talk.command("receive", SKUS[n % 20], quantity=1) for n in range(100)]
        request(stranger, *first)
        talk.decisions(*(receive["id"] for receive in first))
        made_anew(kafka)
        second = [talk.command("receive", SKUS[n % 20], quantity=1) for n in range(40)]
        request(Producer({"bootstrap.servers": kafka}), *second)
        assert router.process.wait(CATCH_UP_S) == EXIT_BROKEN
        plant.worker("router").serving()
        until(lambda: requests_of(plant), CATCH_UP_S)
        assert {alarm["code"] for alarm in requests_of(plant)} == {"other_requests"}
        assert onhand(plant, "resume", "--requests").returncode == 0
        talk.decisions(*(receive["id"] for receive in second))
    again = onhand(plant, "resume", "--requests")
    assert (again.returncode, again.stdout) == (1, "")
    assert "not made anew" in again.stderr
    plant.proven()
    assert set(map(tuple, answers(kafka, *first, *second).values())) == {("applied",)}


def made_anew(kafka: str) -> None:
    """With as many partitions as it had."""
    admin = AdminClient({"bootstrap.servers": kafka})
    count = len(admin.list_topics(REQUESTS, timeout=10).topics[REQUESTS].partitions)
    admin.delete_topics([REQUESTS])[REQUESTS].result(20)
    until(lambda: REQUESTS not in admin.list_topics(timeout=10).topics, 20)
    admin.create_topics([NewTopic(REQUESTS, count, 1)])[REQUESTS].result(20)


def requests_of(plant: Plant) -> Any:
    """What `onhand status` says of the router."""
    return json.loads(onhand(plant, "status", "--json").stdout)["requests"]
