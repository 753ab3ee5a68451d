"""The embedded stack: Kafka, PostgreSQL, Valkey and the workers, as children of one supervisor."""

from typing import TYPE_CHECKING, Any

from onhand.deploy.stack.errors import Refused, StackError
from onhand.deploy.stack.redaction import redact

if TYPE_CHECKING:
    from onhand.deploy.stack.inprocess import Stack

__all__ = ["Refused", "Stack", "StackError", "redact"]


def __getattr__(name: str) -> Any:
    """`Stack` is imported when it is asked for: a command that only looks needs none of it."""
    if name != "Stack":
        raise AttributeError(name)
    from onhand.deploy.stack.inprocess import Stack

    return Stack
