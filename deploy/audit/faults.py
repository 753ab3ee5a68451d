"""What the clients of the three servers raise, as `Retryable`: a line that names the server and the reason.

A client's own words may hold parts of an address, and so of a password that was not escaped: only what a server answered is told.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from confluent_kafka import KafkaException
from psycopg.errors import UndefinedColumn, UndefinedTable
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from onhand.schemas.faults import Retryable


@contextmanager
def told() -> Iterator[None]:
    """Lets `Retryable` out for each error of a server or its client."""
    try:
        yield
    except psycopg.Error as error:
        raise Retryable(f"postgres: {_of_postgres(error)}") from None
    except RedisError as error:
        raise Retryable(f"redis: {_of_redis(error)}") from None
    except KafkaException as error:
        raise Retryable(f"kafka: {error.args[0].str()}") from None


def _of_postgres(error: psycopg.Error) -> str:
    if isinstance(error, (UndefinedTable, UndefinedColumn)):
        return f"{error.diag.message_primary} (`onhand migrate` makes the tables)"
    if error.diag.message_primary:
        return error.diag.message_primary
    if isinstance(error, psycopg.ProgrammingError):
        return "the address is malformed"
    _, _, answer = str(error).partition("FATAL:")
    return answer.strip().partition("\n")[0] or "is away"


def _of_redis(error: RedisError) -> str:
    answered = isinstance(error, (AuthenticationError, ResponseError))
    return f"{type(error).__name__}: {error}" if answered else type(error).__name__
