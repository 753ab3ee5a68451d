"""Bad input on the running system: an answer, the bytes in the dlq, and the log goes on."""

import json

from confluent_kafka import Producer

from onhand.deploy.stack import Stack
from onhand.schemas.partitioner import partition_of
from tests.bad_input import BAD
from tests.end_to_end.talk import Talk

PARTITIONS = 8
SKU = "STURDY"


def test_every_bad_record_is_answered_and_set_aside(talk: Talk) -> None:
    assert talk.ask(talk.command("receive", SKU, quantity=9))["outcome"] == "applied"
    partition = partition_of("CLOCK:1", PARTITIONS)
    placed = {}
    for bad in BAD:
        place = talk.raw(bad.value, partition, key=None, headers=list(bad.headers))
        placed[place] = bad
    told = {}
    for message in talk.records("inventory.decisions", len(BAD)):
        decision = json.loads(message.value() or b"")
        told[message.partition(), decision["source_offset"]] = decision
        assert (message.key() is None) == ("sku_id" not in decision)
    assert set(told) == set(placed)
    for place, bad in placed.items():
        assert told[place]["outcome"] == "invalid", bad.name
        assert told[place]["message"].startswith(bad.field), bad.name
    set_aside = {}
    for message in talk.records("inventory.commands.dlq", len(BAD)):
        headers = dict(message.headers() or [])
        place = int(headers["__streams.errors.partition"]), int(headers["__streams.errors.offset"])
        set_aside[place] = message.value()
    assert set_aside == {place: bad.value for place, bad in placed.items()}
    after = talk.ask(talk.command("ship", SKU, quantity=1))
    assert (after["outcome"], after["available_qty"]) == ("applied", 8)


def test_the_key_does_not_matter_but_the_partition_does(talk: Talk) -> None:
    body = talk.command("receive", SKU, quantity=1)
    home = partition_of(f"{SKU}:1", PARTITIONS)
    talk.raw(json.dumps(body).encode(), home, key=b"another:1")
    assert talk.decisions(body["id"])[body["id"]]["outcome"] == "applied"
    lost = talk.command("receive", SKU, quantity=1)
    talk.raw(json.dumps(lost).encode(), (home + 1) % PARTITIONS, key=f"{SKU}:1".encode())
    decision = talk.decisions(lost["id"])[lost["id"]]
    assert decision["outcome"] == "invalid"
    assert "inventory.requests" in decision["message"]
    assert "sku_id" not in decision


def test_records_of_transactions_are_decided_as_they_stand(talk: Talk, system: Stack) -> None:
    config = {"bootstrap.servers": system.endpoints["kafka"], "partitioner": "murmur2_random"}
    producer = Producer(config | {"transactional.id": "a-shop"})
    producer.init_transactions(20)
    kept, aborted = talk.command("receive", "TRADED", quantity=1), talk.command("receive", "TRADED", quantity=1)
    for body, end in ((kept, producer.commit_transaction), (aborted, producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce("inventory.commands", json.dumps(body).encode(), b"TRADED:1")
        producer.flush(10)
        end(20)
    told = talk.decisions(kept["id"], aborted["id"])
    assert [told[body["id"]]["outcome"] for body in (kept, aborted)] == ["applied", "applied"]
    after = talk.ask(talk.command("ship", "TRADED", quantity=2))
    assert after["outcome"] == "applied", "the log goes on behind the transactions' markers"
