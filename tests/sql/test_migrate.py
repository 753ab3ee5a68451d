"""Migrations: in order, once, whole or not at all, and never changed afterwards."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from onhand.schemas.faults import Corrupt, Retryable
from onhand.sql.migrate import MigrationChanged, migrate, migrations, plan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations."""
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (n integer); INSERT INTO a VALUES (1)")
    (tmp_path / "0002_b.sql").write_text("ALTER TABLE a ADD COLUMN m integer")
    return tmp_path


def test_each_is_applied_once_and_in_order(empty_dsn: str, folder: Path) -> None:
    assert [m.name for m in plan(empty_dsn, folder)] == ["a", "b"]
    assert [m.name for m in migrate(empty_dsn, folder)] == ["a", "b"]
    assert migrate(empty_dsn, folder) == plan(empty_dsn, folder) == []
    (folder / "0003_c.sql").write_text("DROP TABLE a")
    assert [m.name for m in migrate(empty_dsn, folder)] == ["c"]
    with psycopg.connect(empty_dsn) as connection:
        stored = connection.execute("SELECT number, name, sha256 FROM schema_migrations ORDER BY 1").fetchall()
    assert stored == [(m.number, m.name, m.sha256) for m in migrations(folder)]


def test_runners_at_the_same_time_wait_for_each_other(empty_dsn: str, folder: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(lambda _: len(migrate(empty_dsn, folder)), range(4)))
    assert sorted(applied) == [0, 0, 0, 2]


def test_a_changed_or_removed_file_stops_before_anything_is_applied(empty_dsn: str, folder: Path) -> None:
    migrate(empty_dsn, folder)
    (folder / "0003_c.sql").write_text("DROP TABLE a")
    (folder / "0001_a.sql").write_text("CREATE TABLE a (n bigint)")
    for act in (migrate, plan):
        with pytest.raises(MigrationChanged, match=r"migration 1 \(a\) was changed"):
            act(empty_dsn, folder)
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(MigrationChanged, match="among 0 known"):
        migrate(empty_dsn, folder)
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT n FROM a").fetchall() == [(1,)]


def test_one_that_fails_leaves_nothing_of_itself(empty_dsn: str, folder: Path) -> None:
    (folder / "0002_b.sql").write_text("INSERT INTO a VALUES (2); SELECT 1 / 0")
    with pytest.raises(Corrupt, match="division by zero"):
        migrate(empty_dsn, folder)
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT n FROM a").fetchall() == [(1,)]
    assert [m.name for m in plan(empty_dsn, folder)] == ["b"]


def test_numbers_have_no_gap(folder: Path) -> None:
    (folder / "0004_d.sql").write_text("SELECT 1")
    with pytest.raises(ValueError, match="number 3 is missing"):
        migrations(folder)


def test_a_server_that_is_away_is_retryable_and_the_password_stays_unsaid() -> None:
    with pytest.raises(Retryable) as fault:
        migrate("postgresql://onhand:very-secret@127.0.0.1:1/onhand")
    assert "very-secret" not in str(fault.value)
