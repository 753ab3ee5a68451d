"""asyncapi.yaml: current, of AsyncAPI 3.0's form, and in agreement with the models, field by field and record by record."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any, get_args

import jsonschema_rs
import msgspec
import pytest
import yaml

from onhand.schemas.asyncapi import FILE, document, to_yaml
from onhand.schemas.codec import Malformed, decode_command, verb_of
from onhand.schemas.commands import Command, Sweep
from onhand.schemas.decisions import Decision
from onhand.schemas.events import SOURCE, cloud_headers
from onhand.schemas.requests import Ending, decode_request
from onhand.schemas.topics import COMMANDS, REQUESTS, TOPICS, dlq_headers
from tests.legs_traffic import Traffic
from tests.legs_world import World
from tests.scenarios import SWEEP_LIMIT, WINDOW_MS, uid
from tests.unit.test_events import WORDS

DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text())
SCHEMAS, MESSAGES = DOCUMENT["components"]["schemas"], DOCUMENT["components"]["messages"]
MODELS = {model.__name__: model for model in (*get_args(Command), *get_args(Ending)) if model is not Sweep}
KEYWORDS = {
    "type", "const", "enum", "pattern", "minimum", "maximum", "minItems", "maxItems", "items", "additionalItems", "properties",
    "propertyNames", "additionalProperties", "required", "dependencies", "anyOf", "oneOf", "not", "default", "description",
    "format", "$ref",
}  # fmt: skip
"""Of JSON Schema's draft 7, which is what a payload of AsyncAPI is in if it says nothing else."""


def follow(reference: str) -> Any:
    """What a `$ref` points to; KeyError where there is nothing."""
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def everything(value: Any) -> Iterator[dict[str, Any]]:
    """All mappings in it."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything(child)


def validator(name: str) -> jsonschema_rs.Draft7Validator:
    """Of a schema among the components."""
    return jsonschema_rs.Draft7Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}})


def test_it_is_current() -> None:
    assert document() == DOCUMENT, "run `make asyncapi`"


def test_what_is_written_is_read_back() -> None:
    value = {
        "a": {},
        "b": [[], [1, {"x": "yes"}], "- no", "1.0", ""],
        "on": "ä: b\n\\ \"'#",
        "n": [None, True, 1.5, -3],
    }
    assert yaml.safe_load(to_yaml(value)) == value


def test_it_has_the_form_of_asyncapi_3() -> None:
    assert DOCUMENT.keys() == {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for channel in DOCUMENT["channels"].values():
        assert channel.keys() <= {"address", "description", "messages", "bindings"}
        assert channel["bindings"]["kafka"].keys() == {"topic", "topicConfiguration", "bindingVersion"}
        assert all(follow(message["$ref"])["name"] == name for name, message in channel["messages"].items())
    for operation in DOCUMENT["operations"].values():
        assert operation.keys() == {"action", "channel", "messages"}
        assert operation["action"] in ("send", "receive")
        of = f"{operation['channel']['$ref']}/messages/"
        assert [m["$ref"].removeprefix(of) for m in operation["messages"]] == [
            *follow(operation["channel"]["$ref"])["messages"]
        ]
    for name, message in MESSAGES.items():
        assert message.keys() <= {"name", "summary", "contentType", "headers", "payload", "bindings"}
        assert message["name"] == name
        assert message["summary"]
        assert message["bindings"]["kafka"].keys() == {"key", "bindingVersion"}
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in (*MESSAGES, *SCHEMAS))


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    for place in everything(DOCUMENT):
        if "$ref" in place:
            assert follow(place["$ref"]) is not None
            assert place.keys() == {"$ref"}  # draft 7 ignores what stands beside it
    used = {place["$ref"].rpartition("/")[2] for place in everything(DOCUMENT) if "$ref" in place}
    assert SCHEMAS.keys() | MESSAGES.keys() <= used
    parts = [*SCHEMAS.values(), *(m["headers"] for m in MESSAGES.values() if "headers" in m)]
    for schema in parts:
        jsonschema_rs.meta.validate({"$schema": "http://json-schema.org/draft-07/schema#"} | schema)
        names = {id(place["properties"]) for place in everything(schema) if "properties" in place}
        names |= {id(place[k]) for place in everything(schema) for k in ("dependencies",) if k in place}
        assert not {key for place in everything(schema) if id(place) not in names for key in place} - KEYWORDS


def test_every_topic_is_there_as_it_is_made() -> None:
    channels = DOCUMENT["channels"]
    assert [*channels] == [channel["address"] for channel in channels.values()] == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        told = channels[topic.name]["bindings"]["kafka"]
        config = {k: ",".join(v) if isinstance(v, list) else str(v) for k, v in told["topicConfiguration"].items()}
        assert config == {k: v for k, v in topic.config.items() if k in ("cleanup.policy", "retention.ms")}
        assert (told["topic"], bool(channels[topic.name]["messages"])) == (topic.name, True)
    actions = {o["channel"]["$ref"].removeprefix("#/channels/"): o["action"] for o in DOCUMENT["operations"].values()}
    assert actions == {t.name: "send" if t.name in (COMMANDS, REQUESTS) else "receive" for t in TOPICS}


@pytest.mark.parametrize("name", MODELS)
def test_the_fields_of_a_command_are_those_of_its_model(name: str) -> None:
    schema, fields = SCHEMAS[name], {field.name: field for field in msgspec.structs.fields(MODELS[name])}
    own = {"reason"} if name == "Release" else set()
    assert schema["properties"].keys() == {"type", *fields} - own
    assert set(schema["required"]) == {n for n, field in fields.items() if field.required} | {"type"}
    assert schema["additionalProperties"] is False
    assert schema["properties"]["type"]["const"] == verb_of(MODELS[name])
    unsupported = MODELS[name].op is None and not name.endswith("Request")
    assert ("Not supported yet" in schema["description"]) is unsupported


@pytest.mark.parametrize("word", {Decision, *(word for word, _ in WORDS)}, ids=lambda word: word.__name__)
def test_the_fields_of_what_is_received_are_those_of_its_struct(word: Any) -> None:
    schema, fields = SCHEMAS[word.__name__], msgspec.structs.fields(word)
    assert [*schema["properties"]] == [field.name for field in fields]
    assert schema["required"] == [f.name for f in fields if f.required]
    assert "additionalProperties" not in schema  # of a later version


FULL: list[dict[str, Any]] = [
    {"type": "reserve", "sku_id": "A", "warehouse_id": 1, "quantity": 2, "ttl_ms": 1_000, "channel": "web", "order_id": "o"},
    {"type": "reserve", "lines": [{"sku_id": "A", "warehouse_id": 1, "quantity": 2}]},
    {"type": "extend", "sku_id": "A", "warehouse_id": 1, "reservation_id": uid(2), "ttl_ms": 1_000},
    {"type": "commit", "sku_id": "A", "warehouse_id": 1, "reservation_id": uid(2)},
    {"type": "release", "sku_id": "A", "warehouse_id": 1, "reservation_id": uid(2)},
    {"type": "receive", "sku_id": "A", "warehouse_id": 32_767, "quantity": 1_000_000_000},
    {"type": "return", "sku_id": "A", "warehouse_id": 1, "quantity": 1},
    {"type": "ship", "sku_id": "A", "warehouse_id": 1, "quantity": 1, "channel": "web"},
    {"type": "adjust", "sku_id": "A", "warehouse_id": 1, "delta": -3, "reason": "broken"},
    {"type": "count", "sku_id": "A", "warehouse_id": 1, "counted_qty": 0},
    {"type": "transfer", "sku_id": "A", "warehouse_id": 1, "quantity": 1, "to_warehouse_id": 9, "mode": "dispatch", "expected_at_ms": 5},
    {"type": "arrive", "sku_id": "A", "warehouse_id": 1, "transfer_id": uid(2), "quantity": 0, "final": False},
    {"type": "set_reorder", "sku_id": "A", "warehouse_id": 1, "reorder_point": 0, "reorder_quantity": 7},
    {"type": "allocate", "sku_id": "A", "warehouse_id": 1, "ratios": {"web": 60}},
    {"type": "rebalance", "sku_id": "A", "warehouse_id": 1, "demand": {"web": 60}, "floor": 1},
    {"type": "shard", "sku_id": "A", "warehouse_id": 1, "shards": 64},
]  # fmt: skip
"""Of each command one with all that it may have."""
ODD: tuple[Any, ...] = (
    -1, 0, 2, 101, 32_768, 86_400_001, 2_000_000_000, 2**54, "7", "", "Ä", "a b", "x" * 129, "a\u0007", uid(3), uid(3).upper(),
    True, [], {}, {"web": 1, "Web": 2}, {"web": "1"}, [{"sku_id": "A"}], [{"sku_id": "A", "warehouse_id": 2, "quantity": 1}],
)  # fmt: skip


def changed(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """It, it without each field, with a strange one, and with odd values in every field."""
    yield from ({k: v for k, v in body.items() if k != name} for name in ("", *body))
    for name in (*body, "quantity", "lines", "reason", "unknown"):
        yield from (body | {name: odd} for odd in ODD)


def taken(decode: Any, body: dict[str, Any]) -> bool:
    try:
        decode(json.dumps(body).encode())
    except Malformed:
        return False
    return True


@pytest.mark.parametrize("body", FULL, ids=lambda body: body["type"])
def test_schema_and_decoder_take_and_refuse_the_same(body: dict[str, Any]) -> None:
    body = {"id": uid(1), "actor": "eve", "reference_id": "r", "issued_at_ms": 1} | body
    topics: list[tuple[str, Any]] = [(body["type"], decode_command)]
    if f"request.{body['type']}" in MESSAGES:
        topics.append((f"request.{body['type']}", decode_request))
    for message, decode in topics:
        check = validator(MESSAGES[message]["payload"]["$ref"].rpartition("/")[2])
        assert check.is_valid(body)
        for other in changed(body):
            if other.get("type") == "release" and "reason" in other:
                continue  # onhand's own, which the model knows
            assert check.is_valid(other) is taken(decode, other), other
    if len(topics) == 2:
        without = {name: value for name, value in body.items() if name not in ("sku_id", "warehouse_id")}
        assert check.is_valid(without)
        assert taken(decode_request, without)


def test_decisions_of_every_kind_are_of_their_schema() -> None:
    world = Traffic(World(WINDOW_MS, SWEEP_LIMIT, now=1_000_000), random.Random(5)).run(200)
    check = validator("Decision")
    for _, decision in world.history:
        check.validate(decision)
    told = {name for _, decision in world.history for name in decision}
    assert {"short", "use", "seen", "index", "transfer_id", "discrepancy", "expires_at_ms", "replayed"} <= told
    assert not check.is_valid(world.history[0][1] | {"outcome": "perhaps"})


@pytest.mark.parametrize(("word", "body"), WORDS)
def test_events_are_of_their_schema(word: Any, body: dict[str, Any]) -> None:
    validator(word.__name__).validate(body)
    for name in body:
        if name in SCHEMAS[word.__name__]["required"]:
            assert not validator(word.__name__).is_valid({k: v for k, v in body.items() if k != name})


def test_headers_are_those_that_are_sent() -> None:
    events = {
        name: m["headers"] for name, m in MESSAGES.items() if "ce_type" in m.get("headers", {}).get("properties", {})
    }
    assert events.keys() == {
        m
        for m in MESSAGES
        if m.partition(".")[0] in ("stock", "channel", "reservation", "movement", "reorder", "drift")
    }
    for kind, schema in events.items():
        sent = {name: value.decode() for name, value in cloud_headers(kind, "1", "A:1", 5, b"00-1-2-01")}
        jsonschema_rs.Draft7Validator(schema).validate(sent)
        assert sent.keys() == schema["properties"].keys()
        assert set(schema["required"]) == sent.keys() - {"traceparent"}
        assert sent["ce_source"] == SOURCE
    letter = {name: value.decode() for name, value in dlq_headers("e", "m", "t", 1, 2)}
    assert set(MESSAGES["dead.letter"]["headers"]["required"]) == letter.keys()
