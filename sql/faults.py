"""PostgreSQL's errors as the three kinds of fault, and as the two that the writer's function raises itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from onhand.schemas.faults import Corrupt, Retryable
from onhand.sql.rows import Fenced, VersionMissed

_FENCED = "OH001"
_MISSED = "OH002"
_TRY_AGAIN_CLASSES = ("08", "53", "57", "58", "40", "55")
"""SQLSTATE classes: connection, resources, operator, system, rollback (serialization, deadlock), lock not available."""


@contextmanager
def translated() -> Iterator[None]:
    """Let faults through as `Retryable`, `Corrupt`, `Fenced` or `VersionMissed`. Messages hold no password: psycopg's do not."""
    try:
        yield
    except psycopg.Error as error:
        raise _fault(error) from error
    except (PoolTimeout, PoolClosed, OSError, TimeoutError) as error:
        raise Retryable(f"PostgreSQL is away: {error}") from error


def _fault(error: psycopg.Error) -> Exception:
    code = error.sqlstate
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    if code == _FENCED:
        detail = error.diag.message_detail or "none"
        return Fenced(None if detail == "none" else int(detail))
    if code == _MISSED:
        return VersionMissed(f"{message}: {error.diag.message_detail}")
    if code is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Retryable(f"PostgreSQL is away: {message}")
    if code is not None and code[:2] in _TRY_AGAIN_CLASSES:
        return Retryable(f"PostgreSQL refuses for now ({code}): {message}")
    return Corrupt(f"PostgreSQL refuses ({code}): {message}")
