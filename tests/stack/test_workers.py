"""The whole system as `onhand up` leaves it: workers, offsets, alarms."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from onhand.agents import topics
from onhand.deploy.stack import Stack
from onhand.deploy.stack import status as look
from onhand.deploy.stack.children import started_at
from onhand.deploy.stack.reach import settings_of
from onhand.deploy.stack.state import read_json
from onhand.deploy.stack.workers import worker_counts
from onhand.lua.gate import connect
from onhand.schemas.topics import COMMANDS, DEFAULT_PARTITIONS, TOPICS
from onhand.sql.ledger import Ledger
from tests.stack.waiting import until


def onhand(system: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "onhand.deploy.cli", *words, "--state", str(system.state.root)]
    return subprocess.run(argv, capture_output=True, text=True)


def status(system: Stack) -> dict[str, Any]:
    done = onhand(system, "status", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def partitions(system: Stack) -> list[dict[str, Any]]:
    """What `status` tells of them, in this process: who looks again and again need not wait for a new one each time."""
    return look.partitions(system.state.root)


def all_is_done(rows: list[dict[str, Any]], end_offset: int) -> bool:
    numbers = {name: sum(row[name] for row in rows) for name in ("end_offset", "gate_offset", "ledger_offset")}
    return set(numbers.values()) == {end_offset}


def send(system: Stack, count: int) -> None:
    producer = Producer({"bootstrap.servers": system.endpoints["kafka"], "partitioner": "murmur2_random"})
    for number in range(count):
        sku = f"SKU-{number}"
        command = {"type": "receive", "id": str(uuid.uuid4()), "sku_id": sku, "warehouse_id": 1, "quantity": 5}
        producer.produce(COMMANDS, json.dumps(command).encode(), f"{sku}:1")
    assert producer.flush(10) == 0


def test_all_that_runs_is_told(system: Stack) -> None:
    told = status(system)
    assert told["processes"].keys() >= {"gate-1", "gate-2", "ledger-1", "router-1"}
    assert json.loads(system.state.endpoints.read_text())["processes"].keys() == told["processes"].keys()
    assert {part["state"] for part in told["processes"].values()} == {"ready"}
    assert [row["partition"] for row in told["partitions"]] == list(range(DEFAULT_PARTITIONS))


def test_offsets_are_equal_when_all_is_done_behind_records_without_a_decision_too(system: Stack) -> None:
    before = sum(row["end_offset"] for row in partitions(system))
    send(system, 20)
    until(lambda: all_is_done(partitions(system), before + 20), within_s=30)
    producer = Producer({"bootstrap.servers": system.endpoints["kafka"], "transactional.id": "test"})
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce(COMMANDS, b"not JSON", partition=0)
    producer.commit_transaction(10)
    until(lambda: all_is_done(partitions(system), before + 22), within_s=30)  # the record and the marker behind it


def test_an_alarm_is_told_and_resume_clears_it(system: Stack) -> None:
    async def alarm() -> None:
        gate, ledger = connect(system.endpoints["redis"]), Ledger(system.endpoints["postgres"])
        await ledger.open()
        await ledger.raise_alarm(1, "test", "as a test", 7)
        await ledger.close()
        await gate.close()

    asyncio.run(alarm())
    alarms = [row["alarm"] for row in status(system)["partitions"]]
    assert alarms[1] == {"code": "test", "message": "as a test", "offset": 7}
    assert alarms.count(None) == DEFAULT_PARTITIONS - 1
    assert "test at 7" in onhand(system, "status").stdout
    assert json.loads(onhand(system, "resume", "--partition", "1", "--json").stdout) == {"partition": 1}
    assert not [row["alarm"] for row in partitions(system) if row["alarm"]]
    assert onhand(system, "resume", "--partition", "1").returncode == 1


@pytest.mark.parametrize("name", ["gate-1", "ledger-1"])
def test_a_worker_that_is_killed_is_replaced_and_goes_on(system: Stack, name: str) -> None:
    killed = system.endpoints["processes"][name]
    os.kill(killed, signal.SIGKILL)
    before = sum(row["end_offset"] for row in partitions(system))
    send(system, 20)
    until(lambda: all_is_done(partitions(system), before + 20), within_s=60)
    told = read_json(system.state.endpoints)["processes"]
    assert told[name] != killed
    assert started_at(killed) is None


def test_the_topics_and_the_tables_can_be_made_again(system: Stack) -> None:
    assert onhand(system, "topics").stdout == f"{DEFAULT_PARTITIONS} partitions\n"
    again = onhand(system, "migrate")
    assert again.returncode == 0
    assert again.stdout == ""


def test_topics_that_were_just_made_answer_at_once(system: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself the broker says for half a second that it does not lead them, and a client's first question fails."""
    more = tuple(replace(TOPICS[0], name=f"inventory.of-a-test-{number}") for number in range(8))
    monkeypatch.setattr(topics, "TOPICS", TOPICS + more)
    admin = AdminClient({"bootstrap.servers": system.endpoints["kafka"]})
    try:
        count = topics.make_topics(settings_of(system.environment)).partitions
        places = [TopicPartition(topic.name, partition) for topic in more for partition in range(count)]
        ends = admin.list_offsets(dict.fromkeys(places, OffsetSpec.latest()))
        assert [end.result().offset for end in ends.values()] == [0] * len(places)
    finally:
        for deleted in admin.delete_topics([topic.name for topic in more]).values():
            deleted.result(20)


def test_servers_that_the_environment_names_are_used_instead(system: Stack, state_dir: Path) -> None:
    """A second stack on the servers of the first: it starts none, makes what is missing there, and tells their addresses."""
    with Stack(state_dir, gates=0, base_env=system.environment) as guest:
        told = read_json(guest.state.endpoints)
        assert told == {name: system.endpoints[name] for name in ("kafka", "redis", "postgres")} | {"processes": {}}
        assert guest.environment["ONHAND_SECRET"] == system.environment["ONHAND_SECRET"]
        assert len(status(guest)["partitions"]) == DEFAULT_PARTITIONS


def test_a_worker_stops_in_order_at_sigterm(system: Stack, tmp_path: Path) -> None:
    """Beside the ones that run: it joins their group, serves or waits, and leaves with 0."""
    reading, writing = os.pipe()
    argv = [sys.executable, "-m", "onhand.deploy.cli", "worker", "gate"]
    env = system.environment | {"ONHAND_READY_FD": str(writing)}
    with subprocess.Popen(argv, env=env, pass_fds=(writing,), cwd=tmp_path, stderr=subprocess.DEVNULL) as worker:
        os.close(writing)
        with os.fdopen(reading, "rb") as told:
            assert told.readline() == b"ready\n"
        worker.terminate()
        assert worker.wait(20) == 0


def test_one_ledger_worker_for_two_gate_workers() -> None:
    assert worker_counts(0) == {}
    assert worker_counts(1) == {"gate": 1, "ledger": 1, "router": 1}
    assert worker_counts(5) == {"gate": 5, "ledger": 2, "router": 1}
    assert 2 <= worker_counts(None)["gate"] <= 8
