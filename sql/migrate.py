"""Migrations: numbered .sql files, applied in order, once, each in its own transaction, by one runner at a time."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString, NamedTuple

import psycopg
from psycopg.rows import TupleRow

from onhand.schemas.faults import Corrupt
from onhand.sql.faults import translated

FOLDER = Path(__file__).with_name("migrations")
_LOCK = 0x6F6E68616E64  # "onhand", as PostgreSQL's advisory locks are numbers
_TABLE: LiteralString = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""

Connection = psycopg.Connection[TupleRow]


class Migration(NamedTuple):
    """A file of the folder; `name` without its number and suffix."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The checksum that is stored when it is applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


class MigrationChanged(Corrupt):
    """What was applied is not what the folder holds: a file was edited or removed after it had been applied."""


def migrate(dsn: str, folder: Path = FOLDER) -> list[Migration]:
    """Apply what is missing, in order; what was applied now. `Retryable`, or `MigrationChanged` (then nothing is)."""
    with _locked(dsn) as connection:
        pending = _pending(connection, migrations(folder))
        for migration in pending:
            with connection.transaction():
                connection.execute(migration.sql.encode())
                connection.execute(
                    "INSERT INTO schema_migrations (number, name, sha256) VALUES (%s, %s, %s)",
                    (migration.number, migration.name, migration.sha256),
                )
        return pending


def plan(dsn: str, folder: Path = FOLDER) -> list[Migration]:
    """What `migrate` would apply; the same faults."""
    with _locked(dsn) as connection:
        return _pending(connection, migrations(folder))


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """The folder's files in order. Their numbers count from 1 without a gap."""
    found = []
    for number, path in enumerate(sorted(folder.glob("*.sql")), 1):
        digits, _, name = path.stem.partition("_")
        if int(digits) != number:
            raise ValueError(f"migration {path.name}: number {number} is missing or there twice")
        found.append(Migration(number, name, path.read_text(encoding="utf-8")))
    return found


@contextmanager
def _locked(dsn: str) -> Iterator[Connection]:
    """A connection that is the only one to migrate; the lock goes with the connection."""
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        connection.execute("SET client_min_messages = warning")
        connection.execute(_TABLE)
        yield connection


def _pending(connection: Connection, known: list[Migration]) -> list[Migration]:
    applied = connection.execute("SELECT number, name, sha256 FROM schema_migrations ORDER BY number").fetchall()
    for number, name, sha256 in applied:
        if number > len(known):
            raise MigrationChanged(f"migration {number} ({name}) was applied, but is not among {len(known)} known here")
        if known[number - 1].sha256 != sha256:
            raise MigrationChanged(f"migration {number} ({name}) was changed after it had been applied")
    return known[len(applied) :]
