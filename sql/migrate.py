"""Migrations: numbered .sql files, applied in order, once, each in its own transaction, by one runner at a time.

Functions are no migrations: the files of `functions/` say what they all are now. Where their joined text is not the one that was
applied last, every `ledger_*` function is dropped and all are made anew, behind the migrations, in one transaction.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString, NamedTuple

import psycopg
from psycopg.rows import TupleRow

from onhand.schemas.faults import Corrupt
from onhand.sql.faults import translated

FOLDER = Path(__file__).parent
"""Holds `migrations/` and `functions/`."""
_LOCK = 0x6F6E68616E64  # "onhand", as PostgreSQL's advisory locks are numbers
_TABLES: LiteralString = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS schema_functions (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one), sha256 text NOT NULL, applied_at timestamptz NOT NULL)
"""
_KNOWN_HISTORY: LiteralString = "DELETE FROM schema_migrations WHERE number = 2 AND name = 'write'"
"""The functions were migration 2 once. What it left is dropped with all other functions, so nothing of it must be remembered."""
_DROP_FUNCTIONS: LiteralString = """
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN SELECT oid FROM pg_proc
               WHERE pronamespace = current_schema()::regnamespace AND starts_with(proname, 'ledger_') LOOP
        EXECUTE 'DROP FUNCTION ' || one;
    END LOOP;
END $$
"""
_APPLIED_FUNCTIONS: LiteralString = """
INSERT INTO schema_functions (sha256, applied_at) VALUES (%s, now())
ON CONFLICT (only_one) DO UPDATE SET sha256 = excluded.sha256, applied_at = excluded.applied_at
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
        return _sha256(self.sql)


class Work(NamedTuple):
    """The migrations to apply, or that were, and the functions' text; empty where these are the ones that are there."""

    migrations: list[Migration]
    functions: str


class MigrationChanged(Corrupt):
    """What was applied is not what the folder holds: a file was edited or removed after it had been applied."""


def migrate(dsn: str, folder: Path = FOLDER) -> Work:
    """Apply what is missing, in order; what was applied now. `Retryable`, or `MigrationChanged` (then nothing is)."""
    with _locked(dsn) as connection:
        work = _pending(connection, folder)
        for migration in work.migrations:
            _apply(connection, migration)
        if work.functions:
            _replace_functions(connection, work.functions)
        return work


def plan(dsn: str, folder: Path = FOLDER) -> Work:
    """What `migrate` would apply; the same faults."""
    with _locked(dsn) as connection:
        return _pending(connection, folder)


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations in order. Their numbers count from 1 without a gap."""
    found = []
    for number, path in enumerate(sorted((folder / "migrations").glob("*.sql")), 1):
        digits, _, name = path.stem.partition("_")
        if int(digits) != number:
            raise ValueError(f"migration {path.name}: number {number} is missing or there twice")
        found.append(Migration(number, name, path.read_text(encoding="utf-8")))
    return found


def functions(folder: Path = FOLDER) -> str:
    """All functions, as they are to be; empty where there are none."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((folder / "functions").glob("*.sql")))


@contextmanager
def _locked(dsn: str) -> Iterator[Connection]:
    """A connection that is the only one to migrate; the lock goes with the connection."""
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        connection.execute("SET client_min_messages = warning")
        connection.execute(_TABLES)
        connection.execute(_KNOWN_HISTORY)
        yield connection


def _pending(connection: Connection, folder: Path) -> Work:
    known, text = migrations(folder), functions(folder)
    applied = connection.execute("SELECT number, name, sha256 FROM schema_migrations ORDER BY number").fetchall()
    for number, name, sha256 in applied:
        if number > len(known):
            raise MigrationChanged(f"migration {number} ({name}) was applied, but is not among {len(known)} known here")
        if known[number - 1].sha256 != sha256:
            raise MigrationChanged(f"migration {number} ({name}) was changed after it had been applied")
    stored = connection.execute("SELECT sha256 FROM schema_functions").fetchone()
    return Work(known[len(applied) :], "" if stored == (_sha256(text),) else text)


def _apply(connection: Connection, migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.sql.encode())
        connection.execute("INSERT INTO schema_migrations (number, name, sha256) VALUES (%s, %s, %s)",
                           (migration.number, migration.name, migration.sha256))  # fmt: skip


def _replace_functions(connection: Connection, text: str) -> None:
    """All or none. A window that is being written meanwhile may still meet some of both: workers of other code are to be stopped."""
    with connection.transaction():
        connection.execute(_DROP_FUNCTIONS)
        connection.execute(text.encode())
        connection.execute(_APPLIED_FUNCTIONS, (_sha256(text),))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
