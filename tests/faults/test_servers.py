"""Servers die and come again, and the gate's store comes back older than it was."""

from collections.abc import Iterator

import pytest
from redis import Redis

from onhand.deploy.stack import Stack
from tests.faults.load import Load
from tests.faults.plant import Plant
from tests.stack.waiting import until


@pytest.fixture(scope="module")
def plant(servers: Stack) -> Iterator[Plant]:
    """One crew for all of them, since workers outlive what is done to servers here."""
    with Plant(servers) as plant:
        plant.staff()
        yield plant


@pytest.mark.parametrize("server", ["postgres", "redis", "kafka"])
def test_a_server_is_killed_and_started_again_by_the_supervisor(plant: Plant, server: str) -> None:
    with Load(plant.servers.endpoints["kafka"], seed=2) as load:
        until(plant.rows, 20)
        plant.kill_server(server)
        load.say(200)
    plant.proven()
    assert plant.ended() == [], "no worker ended"


@pytest.mark.parametrize("under_load", [True, False])
def test_the_gates_store_is_put_back_to_an_older_copy(plant: Plant, under_load: bool) -> None:
    with Load(plant.servers.endpoints["kafka"], seed=3) as load, plant.redis() as redis:
        older = dump(redis)
        decided = sum(row["gate_offset"] for row in plant.rows())
        load.say(300)
        until(lambda: sum(row["gate_offset"] for row in plant.rows()) > decided + 250)
        if under_load:
            put_back(redis, older)
    if not under_load:
        plant.caught_up()
        with plant.redis() as redis:
            put_back(redis, older)
    plant.proven()


def dump(redis: "Redis") -> dict[bytes, bytes]:
    """All keys, of one moment: a script is alone while it runs."""
    flat = redis.eval(
        "local all = {} for _, key in ipairs(redis.call('KEYS', '*')) do "
        "all[#all + 1] = key all[#all + 1] = redis.call('DUMP', key) end return all",
        0,
    )
    return dict(zip(flat[::2], flat[1::2], strict=True))


def put_back(redis: "Redis", copy: dict[bytes, bytes]) -> None:
    """As after a failover to a replica that was behind."""
    with redis.pipeline(transaction=True) as pipe:
        pipe.flushdb()
        for key, value in copy.items():
            pipe.restore(key, 0, value)
        pipe.execute()
