"""Slips as records: signed, with the traceparent of what caused them."""

from onhand.agents.ports import Message, Record
from onhand.schemas.events import TRACE_HEADER, trace_of
from onhand.schemas.signing import HEADER, Keyring
from onhand.schemas.slips import Slip


def slip_message(keyring: Keyring, record: Record, key: str | None, slip: Slip) -> Message:
    """The record of `inventory.commands` that a slip is; `record` caused it."""
    value = slip.to_json()
    headers = [(HEADER, keyring.sign(value).encode())]
    trace = trace_of(record.headers) if record.headers else None
    if trace is not None:
        headers.append((TRACE_HEADER, trace))
    return Message(key.encode() if key else None, value, headers)
