"""A log that no longer starts at 0: the audit says so, and audits what can be audited."""

import redis
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from onhand.deploy.audit.program import audit
from onhand.deploy.stack import Stack
from onhand.deploy.stack.reach import settings_at
from onhand.schemas.partitioner import partition_of
from tests.end_to_end.talk import Talk

SKU = "ANCIENT"


def test_a_log_cut_short(talk: Talk, system: Stack) -> None:
    settings, partition = settings_at(system.state.root), partition_of(f"{SKU}:1", 8)
    last = {}
    for units in (5, 6, 7):
        last = talk.ask(talk.command("receive", SKU, quantity=units))
    admin = AdminClient({"bootstrap.servers": system.endpoints["kafka"]})
    cut = TopicPartition("inventory.commands", partition, last["source_offset"])
    for deleted in admin.delete_records([cut]).values():
        deleted.result(20)
    talk.ask(talk.command("ship", SKU, quantity=1))
    talk.records("inventory.ledger", 1)
    found = audit(settings)
    assert found.differences == []
    assert partition in found.undecided
    assert (
        f"partition {partition}: the log starts at {last['source_offset']}, not at 0: not decided again" in found.notes
    )
    key = f"inv:{{{partition}}}:{SKU}:1"
    with redis.Redis.from_url(settings.redis.get_secret_value()) as client:
        client.hincrby(key, "available", 3)
        try:
            kinds = {difference.kind for difference in audit(settings).differences}
        finally:
            client.hincrby(key, "available", -3)
    assert kinds == {"gate = ledger"}
