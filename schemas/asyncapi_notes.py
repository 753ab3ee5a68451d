"""What `asyncapi.yaml` says that the models of commands, decisions and events do not: topics, keys, headers, rules between fields."""

from typing import Any

from onhand.schemas import events
from onhand.schemas.events import ChannelStockChanged, MovementRecorded, ReservationCommitted, StockAlert, StockChanged
from onhand.schemas.outcomes import WORDS
from onhand.schemas.topics import (
    ALERTS,
    CHANNEL_SYNC,
    COMMANDS,
    DECISIONS,
    DLQ,
    LEDGER,
    REQUESTS,
    STOCK,
    WEBHOOK_ATTEMPTS,
    dlq_headers,
)

ABOUT = {
    "title": "onhand",
    "version": "1.0.0",
    "description": "An inventory engine that never sells what it does not have. This is how one speaks to it over Kafka: "
    "what a user sends, what a user receives. Quantities are units, times are epoch milliseconds. In commands null is the same as "
    "absent and unknown fields are refused; in what is received a field that does not apply is absent, and fields may be added.",
    "license": {"name": "Apache-2.0"},
}

CHANNELS = {
    COMMANDS: "The log that everything follows from. Partitioned by Kafka's default (murmur2 of the key, `SKU:warehouse`); what stands "
    "elsewhere is answered `invalid`. onhand's own records between them carry a header `onhand`.",
    REQUESTS: "The same commands from whoever does not know the position of a reservation or the partitioner; any key will do. "
    "Requests under different keys are in no order.",
    DECISIONS: "The gate's answers, one for each line. Drop what is not above the last `seq` of its partition.",
    STOCK: "The newest numbers of each position. Drop what is not above the last `version` of its position.",
    LEDGER: "What became durable.",
    CHANNEL_SYNC: "What each channel may sell; channel `*` where there is no allocation. Not fed yet.",
    ALERTS: "Low stock and what to order.",
    WEBHOOK_ATTEMPTS: "Each attempt to deliver a webhook. Not fed yet.",
    DLQ: "Records that were no commands, as received, with the reason in their headers.",
}

_POSITION = {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,64}:[1-9][0-9]{0,4}$"}
KEYS: dict[str, dict[str, Any]] = {
    "position": _POSITION | {"description": "The position, `SKU:warehouse`; of several lines the first one's."},
    "decision": _POSITION | {"description": "The position, `SKU:warehouse`; none where a decision has no position."},
    "channel": {"type": "string", "description": "`SKU:warehouse@channel`, in the partition of its position."},
    "any": {"type": "string", "description": "Any."},
}

_TRACE = {"traceparent": {"type": "string", "description": "W3C trace context, carried on."}}
TRACE_HEADERS = {"type": "object", "properties": _TRACE}
_TEXT = {"type": "string"}
CLOUD_HEADERS: dict[str, Any] = {
    "type": "object",
    "description": "The envelope of CloudEvents 1.0 in Kafka's binary mode.",
    "properties": {
        "ce_id": _TEXT | {"description": "The same when the event is told again."},
        "ce_type": _TEXT,
        "ce_source": _TEXT | {"const": events.SOURCE},
        "ce_subject": _POSITION,
        "ce_time": _TEXT | {"format": "date-time"},
        "ce_specversion": _TEXT | {"const": "1.0"},
        "content-type": _TEXT | {"const": "application/json"},
        **_TRACE,
    },
    "required": ["ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_specversion", "content-type"],
}
_DLQ_NAMES = [name for name, _ in dlq_headers("", "", "", 0, 0)]
DLQ_HEADERS = {"type": "object", "properties": {name: _TEXT for name in _DLQ_NAMES}, "required": _DLQ_NAMES}

EVENTS: dict[str, tuple[str, type[Any]]] = {
    events.STOCK_CHANGED: (STOCK, StockChanged),
    events.RESERVATION_COMMITTED: (LEDGER, ReservationCommitted),
    events.COMMIT_FAILED: (LEDGER, ReservationCommitted),
    events.MOVEMENT_RECORDED: (LEDGER, MovementRecorded),
    events.CHANNEL_STOCK_CHANGED: (CHANNEL_SYNC, ChannelStockChanged),
    events.STOCK_LOW: (ALERTS, StockAlert),
    events.STOCK_RECOVERED: (ALERTS, StockAlert),
    events.REORDER_TRIGGERED: (ALERTS, StockAlert),
    events.DRIFT_FOUND: (ALERTS, StockAlert),
}
"""By type the topic and the model."""

_WHOLE = {"type": "integer"}
_ITEM = {"sku_id": _TEXT, "warehouse_id": _WHOLE, "version": _WHOLE}
_SHORT = {
    name: _TEXT if name == "sku_id" else _WHOLE
    for name in ("line", "sku_id", "warehouse_id", "requested", "available_qty")
}
_TWO = {"sku_id": ["warehouse_id"], "warehouse_id": ["sku_id"]}

PLAIN_SCHEMAS: dict[str, dict[str, Any]] = {
    "Bytes": {"description": "Anything, or nothing."},
    "Tombstone": {"type": "null"},
    "Short": {"type": "object", "properties": _SHORT, "required": [*_SHORT]},
    "WebhookAttempt": {
        "type": "object",
        "properties": {
            "endpoint_id": _TEXT, "webhook_id": _TEXT, "attempt": _WHOLE, "status": _WHOLE, "duration_ms": _WHOLE,
            "error": _TEXT, "items": {"type": "array", "items": {"type": "object", "properties": _ITEM, "required": [*_ITEM]}},
            "occurred_at_ms": _WHOLE,
        },
        "required": ["endpoint_id", "webhook_id", "attempt", "occurred_at_ms"],
    },
}  # fmt: skip
"""What has no model."""

_SHORTS = {"type": "array", "items": {"$ref": "#/components/schemas/Short"}}
_ONE_LINE = ["sku_id", "warehouse_id", "quantity"]
_NOT_YET = "Not supported yet: answered `invalid`."
RULES: dict[str, dict[str, Any]] = {
    "Reserve": {
        "oneOf": [
            {"required": _ONE_LINE, "not": {"required": ["lines"]}},
            {"required": ["lines"], "not": {"anyOf": [{"required": [name]} for name in _ONE_LINE]}},
        ]
    },
    "Adjust": {"properties": {"delta": {"not": {"const": 0}}}},
    "Allocate": {"description": f"Split what is available over channels by percent, at most 100 in all. {_NOT_YET}"},
    "Rebalance": {"description": f"Move unsold units between the channels by demand. {_NOT_YET}"},
    "Shard": {"description": f"Spread what is available over virtual shards of a hot SKU. {_NOT_YET}"},
    "CommitRequest": {"dependencies": _TWO},
    "ReleaseRequest": {"dependencies": _TWO},
    "ExtendRequest": {"dependencies": _TWO},
    "Decision": {"properties": {"outcome": {"enum": [*WORDS]}, "short": _SHORTS}},
    "Use": {"properties": {"short": _SHORTS}},
}
"""By schema what is merged into it: rules between fields, and values that are told as text."""
