"""Migrations: in order, once, whole or not at all, and never changed afterwards."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from onhand.schemas.faults import Corrupt, Retryable
from onhand.sql.ledger import Ledger
from onhand.sql.migrate import FOLDER, MigrationChanged, Work, functions, migrate, migrations, plan
from tests.decided import Deciding, window
from tests.scenarios import moved
from tests.sql.conftest import Rows

ONE = "CREATE FUNCTION ledger_one() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM a';"
NOTHING = Work([], "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations, and a function that reads what they make."""
    write(tmp_path, "migrations/0001_a.sql", "CREATE TABLE a (n integer); INSERT INTO a VALUES (1)")
    write(tmp_path, "migrations/0002_b.sql", "ALTER TABLE a ADD COLUMN m integer")
    write(tmp_path, "functions/one.sql", ONE)
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def names(work: Work) -> list[str]:
    return [migration.name for migration in work.migrations]


def asked(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()


def made(dsn: str) -> list[str]:
    """The functions that are there."""
    query = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
    return [str(name) for (name,) in asked(dsn, query)]


def test_each_is_applied_once_and_in_order(empty_dsn: str, folder: Path) -> None:
    assert names(plan(empty_dsn, folder)) == ["a", "b"]
    assert names(migrate(empty_dsn, folder)) == ["a", "b"]
    assert migrate(empty_dsn, folder) == plan(empty_dsn, folder) == NOTHING
    write(folder, "migrations/0003_c.sql", "DROP TABLE a")
    assert migrate(empty_dsn, folder) == Work(migrations(folder)[2:], "")
    stored = asked(empty_dsn, "SELECT number, name, sha256 FROM schema_migrations ORDER BY 1")
    assert stored == [(m.number, m.name, m.sha256) for m in migrations(folder)]


def test_functions_are_made_anew_whenever_their_text_changed(empty_dsn: str, folder: Path) -> None:
    assert migrate(empty_dsn, folder).functions == ONE
    assert asked(empty_dsn, "SELECT ledger_one()") == [(1,)]
    two = ONE.replace("one()", "two(n integer)").replace("count(*)", "n")
    write(folder, "functions/one.sql", two)
    write(folder, "functions/a.sql", ONE.replace("one", "three"))
    assert plan(empty_dsn, folder).functions == functions(folder)
    assert made(empty_dsn) == ["ledger_one"]
    assert migrate(empty_dsn, folder) == Work([], functions(folder))
    assert made(empty_dsn) == ["ledger_three", "ledger_two"]
    assert migrate(empty_dsn, folder) == NOTHING
    write(folder, "functions/a.sql", "")
    write(folder, "functions/one.sql", ONE)
    migrate(empty_dsn, folder)
    assert made(empty_dsn) == ["ledger_one"]


def test_functions_of_others_stay(empty_dsn: str, folder: Path) -> None:
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("CREATE FUNCTION my_ledger_one() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    migrate(empty_dsn, folder)
    assert made(empty_dsn) == ["ledger_one", "my_ledger_one"]


def test_functions_that_fail_leave_the_old_ones(empty_dsn: str, folder: Path) -> None:
    migrate(empty_dsn, folder)
    write(folder, "functions/one.sql", ONE.replace("one", "two") + "SELECT 1 / 0")
    with pytest.raises(Corrupt, match="division by zero"):
        migrate(empty_dsn, folder)
    assert made(empty_dsn) == ["ledger_one"]
    assert plan(empty_dsn, folder).functions


def test_functions_that_were_a_migration_once_are_made_anew(empty_dsn: str, folder: Path) -> None:
    """Databases of before have a migration 2 of functions, which is no more, and another one comes in its place."""
    (folder / "migrations/0002_b.sql").rename(folder / "0002_b.sql")
    migrate(empty_dsn, folder)
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("DROP TABLE schema_functions")
        connection.execute("INSERT INTO schema_migrations (number, name, sha256) VALUES (2, 'write', 'of old')")
    assert migrate(empty_dsn, folder) == Work([], ONE)
    (folder / "0002_b.sql").rename(folder / "migrations/0002_b.sql")
    assert names(migrate(empty_dsn, folder)) == ["b"]
    assert asked(empty_dsn, "SELECT number, name FROM schema_migrations ORDER BY 1") == [(1, "a"), (2, "b")]
    assert made(empty_dsn) == ["ledger_one"]


def test_runners_at_the_same_time_wait_for_each_other(empty_dsn: str, folder: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(lambda _: migrate(empty_dsn, folder), range(4)))
    assert sorted(len(work.migrations) for work in applied) == [0, 0, 0, 2]
    assert sorted(bool(work.functions) for work in applied) == [False, False, False, True]


def test_a_changed_or_removed_file_stops_before_anything_is_applied(empty_dsn: str, folder: Path) -> None:
    migrate(empty_dsn, folder)
    write(folder, "migrations/0003_c.sql", "DROP TABLE a")
    write(folder, "migrations/0001_a.sql", "CREATE TABLE a (n bigint)")
    write(folder, "functions/one.sql", "")
    for act in (migrate, plan):
        with pytest.raises(MigrationChanged, match=r"migration 1 \(a\) was changed"):
            act(empty_dsn, folder)
    for path in (folder / "migrations").iterdir():
        path.unlink()
    with pytest.raises(MigrationChanged, match="among 0 known"):
        migrate(empty_dsn, folder)
    assert asked(empty_dsn, "SELECT n FROM a") == [(1,)]
    assert made(empty_dsn) == ["ledger_one"]


def test_one_that_fails_leaves_nothing_of_itself(empty_dsn: str, folder: Path) -> None:
    write(folder, "migrations/0002_b.sql", "INSERT INTO a VALUES (2); SELECT 1 / 0")
    with pytest.raises(Corrupt, match="division by zero"):
        migrate(empty_dsn, folder)
    assert asked(empty_dsn, "SELECT n FROM a") == [(1,)]
    assert names(plan(empty_dsn, folder)) == ["b"]


def test_numbers_have_no_gap(folder: Path) -> None:
    write(folder, "migrations/0004_d.sql", "SELECT 1")
    with pytest.raises(ValueError, match="number 3 is missing"):
        migrations(folder)


def test_every_function_here_is_dropped_with_the_others() -> None:
    """What is not named `ledger_...` would be made a second time, and fail."""
    made_here = re.findall(r"(?i)^\s*CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+(\S+?)\(", functions(), re.MULTILINE)
    assert len(made_here) == functions().count("CREATE FUNCTION") > 10
    assert all(name.startswith("ledger_") for name in made_here)
    assert {path.suffix for path in (FOLDER / "functions").iterdir()} == {".sql"}


async def test_a_ledger_that_is_open_goes_on_with_the_functions_that_were_made_anew(
    ledger: Ledger, dsn: str, rows: Rows
) -> None:
    decide = Deciding()
    await ledger.write(window(decide(moved("receive", 1, 5))))
    rows("DELETE FROM schema_functions")
    assert migrate(dsn).functions == functions()
    await ledger.write(window(decide(moved("receive", 2, 4))))
    assert rows("SELECT available_qty FROM inventory") == [(9,)]


def test_a_server_that_is_away_is_retryable_and_the_password_stays_unsaid() -> None:
    with pytest.raises(Retryable) as fault:
        migrate("postgresql://onhand:very-secret@127.0.0.1:1/onhand")
    assert "very-secret" not in str(fault.value)
