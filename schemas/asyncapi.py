"""`asyncapi.yaml`, made of the models: what stands in each topic, from a user's point of view (AsyncAPI 3.0).

``make asyncapi`` writes it anew; a test finds it out of date. What the models cannot say is in `asyncapi_notes`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from onhand.schemas.asyncapi_notes import (
    ABOUT,
    CHANNELS,
    CLOUD_HEADERS,
    DLQ_HEADERS,
    EVENTS,
    KEYS,
    PLAIN_SCHEMAS,
    RULES,
    TRACE_HEADERS,
)
from onhand.schemas.codec import verb_of
from onhand.schemas.commands import Command, Sweep
from onhand.schemas.decisions import Decision
from onhand.schemas.fields import portable_schema
from onhand.schemas.requests import Ending
from onhand.schemas.topics import CHANNEL_SYNC, COMMANDS, DECISIONS, DLQ, REQUESTS, TOPICS, WEBHOOK_ATTEMPTS

FILE = Path(__file__).with_name("asyncapi.yaml")

Schema = dict[str, Any]

_REF = "#/components/schemas/"
_SENT = COMMANDS, REQUESTS
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$./-]*( [A-Za-z0-9_$./-]+)*")
"""Text that YAML needs no quotes for, but for the few words that it takes for something else."""
_WORDS_OF_YAML = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def document() -> Schema:
    """The whole description."""
    messages = dict(_messages())
    channels = {topic.name: _channel(topic.name, messages) for topic in TOPICS}
    return {
        "asyncapi": "3.0.0",
        "info": ABOUT,
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {_operation_name(name): _operation(name, channel) for name, channel in channels.items()},
        "components": {
            "messages": {name: message for name, (_, message) in messages.items()},
            "schemas": _schemas(),
        },
    }


def to_yaml(value: Any, indent: str = "") -> str:
    """A document of mappings, lists and scalars in block style."""
    if isinstance(value, dict) and value:
        return "".join(f"{indent}{_scalar(name)}:{_below(child, indent)}" for name, child in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{indent}-{_below(child, indent)}" for child in value)
    return f"{indent}{_scalar(value)}\n"


def _below(value: Any, indent: str) -> str:
    nested = isinstance(value, dict | list) and value
    return "\n" + to_yaml(value, indent + "  ") if nested else f" {_scalar(value)}\n"


def _scalar(value: Any) -> str:
    """JSON is YAML; plain words need no quotes."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    return json.dumps(value, ensure_ascii=False)


def _messages() -> Iterator[tuple[str, tuple[str, Schema]]]:
    """By name the topic and the message. A command of both topics is described once, one without a position by itself."""
    for model in _commands():
        name = verb_of(model)
        yield name, (COMMANDS, _message(name, model.__name__, model.__doc__, KEYS["position"], TRACE_HEADERS))
    for model in get_args(Ending):
        name = f"request.{verb_of(model)}"
        yield name, (REQUESTS, _message(name, model.__name__, model.__doc__, KEYS["any"], TRACE_HEADERS))
    yield "decision", (DECISIONS, _message("decision", "Decision", Decision.__doc__, KEYS["decision"], TRACE_HEADERS))
    for kind, (topic, event) in EVENTS.items():
        key = KEYS["channel" if topic == CHANNEL_SYNC else "position"]
        yield kind, (topic, _message(kind, event.__name__, event.__doc__, key, _cloud_headers(kind)))
    tombstone = "An allocation was taken away: the key is gone."
    yield "tombstone", (CHANNEL_SYNC, _message("tombstone", "Tombstone", tombstone, KEYS["channel"], None))
    attempt = "A webhook was sent, or was to be sent."
    yield (
        "webhook.attempt",
        (WEBHOOK_ATTEMPTS, _message("webhook.attempt", "WebhookAttempt", attempt, KEYS["any"], None)),
    )
    letter = _message("dead.letter", "Bytes", "A record that was no command, as received.", KEYS["any"], DLQ_HEADERS)
    yield "dead.letter", (DLQ, letter | {"contentType": "application/octet-stream"})


def _commands() -> list[type[msgspec.Struct]]:
    return [model for model in get_args(Command) if model is not Sweep]


def _message(name: str, schema: str, doc: str | None, key: Schema, headers: Schema | None) -> Schema:
    told: Schema = {"name": name, "summary": _first(doc), "contentType": "application/json"}
    if headers is not None:
        told["headers"] = headers
    payload = {"$ref": _REF + schema}
    return told | {"payload": payload, "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}}}


def _cloud_headers(kind: str) -> Schema:
    properties = CLOUD_HEADERS["properties"] | {"ce_type": {"type": "string", "const": kind}}
    return CLOUD_HEADERS | {"properties": properties}


def _first(doc: str | None) -> str:
    """The first sentence or so of a docstring."""
    return " ".join((doc or "").strip().split("\n\n")[0].split())


def _channel(name: str, messages: Mapping[str, tuple[str, Schema]]) -> Schema:
    own = [kind for kind, (topic, _) in messages.items() if topic == name]
    if name == REQUESTS:  # all commands; those about a reservation in their form without a position
        instead = {kind.removeprefix("request.") for kind in own}
        own = [kind for kind, (topic, _) in messages.items() if topic == COMMANDS and kind not in instead] + own
    topic = next(topic for topic in TOPICS if topic.name == name)
    config: Schema = {"cleanup.policy": [topic.cleanup]}
    if topic.retention_ms:
        config["retention.ms"] = topic.retention_ms
    return {
        "address": name,
        "description": CHANNELS[name],
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in own},
        "bindings": {"kafka": {"topic": name, "topicConfiguration": config, "bindingVersion": "0.5.0"}},
    }


def _operation_name(topic: str) -> str:
    verb = "send" if topic in _SENT else "receive"
    return verb + "".join(word.capitalize() for word in re.split(r"[.-]", topic.removeprefix("inventory.")))


def _operation(topic: str, channel: Schema) -> Schema:
    at = f"#/channels/{topic}"
    return {
        "action": "send" if topic in _SENT else "receive",
        "channel": {"$ref": at},
        "messages": [{"$ref": f"{at}/messages/{kind}"} for kind in channel["messages"]],
    }


def _schemas() -> Schema:
    words = [*_commands(), *get_args(Ending), Decision, *{event: None for _, event in EVENTS.values()}]
    _, told = msgspec.json.schema_components(words, ref_template=_REF + "{name}")
    schemas = {name: _plain(portable_schema(schema)) for name, schema in {**told, **PLAIN_SCHEMAS}.items()}
    for name, rules in RULES.items():
        _merge(schemas[name], rules)
    del schemas["Release"]["properties"]["reason"]  # onhand's own
    return dict(sorted(schemas.items()))


def _plain(schema: Any) -> Any:
    """A schema in the words of draft 7, which AsyncAPI's are, without titles that only repeat names.

    A field that may be null or absent is told as one that may be absent.
    """
    if isinstance(schema, list):
        return [_plain(child) for child in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _plain(child) for name, child in schema.items() if name != "title"}
    if told.get("default", "") is None and "anyOf" in told:
        [one] = [child for child in told.pop("anyOf") if child != {"type": "null"}]
        del told["default"]
        told |= one
    if "prefixItems" in told:
        told["items"] = told.pop("prefixItems")
    if "description" in told:
        told["description"] = " ".join(told["description"].split())
    if isinstance(told.get("enum"), list):
        told |= {"type": "string"} if len(told["enum"]) > 1 else {"type": "string", "const": told.pop("enum")[0]}
    return told


def _merge(schema: Schema, rules: Schema) -> None:
    for name, rule in rules.items():
        if isinstance(rule, dict) and "$ref" not in rule and isinstance(schema.get(name), dict):
            _merge(schema[name], rule)
        else:
            schema[name] = rule


if __name__ == "__main__":
    FILE.write_text("# Made of the models by `make asyncapi`.\n" + to_yaml(document()))
