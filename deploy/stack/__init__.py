"""The embedded stack: Kafka, PostgreSQL, Valkey and the workers, as children of one supervisor."""

from onhand.deploy.stack.errors import Refused, StackError
from onhand.deploy.stack.inprocess import Stack
from onhand.deploy.stack.redaction import redact

__all__ = ["Refused", "Stack", "StackError", "redact"]
