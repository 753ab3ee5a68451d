"""A partition that stands still with an alarm: `status` says why, and `resume` lets it go on once the cause is gone."""

import json
import subprocess
import sys
from typing import Any

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from onhand.schemas.topics import COMMANDS
from tests.faults.conftest import PARTITIONS
from tests.faults.load import Load
from tests.faults.plant import Plant
from tests.stack.waiting import until


def onhand(plant: Plant, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, on the plant's state directory."""
    command = [sys.executable, "-m", "onhand.deploy.cli", *words, "--state", str(plant.servers.state.root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def set_cleanup(plant: Plant, policy: str) -> None:
    """Of the command topic."""
    admin = AdminClient({"bootstrap.servers": plant.servers.endpoints["kafka"]})
    entry = ConfigEntry("cleanup.policy", policy, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, COMMANDS, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(20)


def alarms(plant: Plant) -> list[Any]:
    """What `onhand status` says."""
    rows = json.loads(onhand(plant, "status", "--json").stdout)["partitions"]
    return [row["alarm"] and row["alarm"]["code"] for row in rows]


def test_alarms_stop_partitions_until_they_are_resumed(plant: Plant) -> None:
    set_cleanup(plant, "compact")
    try:
        plant.staff()
        until(lambda: alarms(plant) == ["compacted"] * PARTITIONS, 30)
        with Load(plant.servers.endpoints["kafka"], seed=6) as load:
            load.say(300)
            stood = {row["partition"]: row["gate_offset"] for row in plant.rows()}
    finally:
        set_cleanup(plant, "delete")
    assert {row["partition"]: row["gate_offset"] for row in plant.rows()} == stood
    for partition in range(PARTITIONS):
        assert onhand(plant, "resume", "--partition", str(partition)).returncode == 0
    plant.proven()
    again = onhand(plant, "resume", "--partition", "0")
    assert (again.returncode, again.stdout) == (1, "")
    assert "no alarm" in again.stderr


def test_a_mark_of_another_topic_stops_its_partition_alone(plant: Plant) -> None:
    with plant.redis() as redis:
        topic_id = redis.hget("gate:{1}", "topic_id")
        redis.hset("gate:{1}", "topic_id", "another")
        try:
            plant.staff()
            until(lambda: alarms(plant) == [None, "other_topic", None, None], 30)
            with Load(plant.servers.endpoints["kafka"], seed=7) as load:
                load.say(300)
            until(lambda: _level_but(plant, 1), 60)
        finally:
            redis.hset("gate:{1}", "topic_id", topic_id or b"")
    assert onhand(plant, "resume", "--partition", "1").returncode == 0
    plant.proven()


def _level_but(plant: Plant, partition: int) -> bool:
    rows = plant.rows()
    return bool(rows) and all(r["end_offset"] == r["ledger_offset"] for r in rows if r["partition"] != partition)
