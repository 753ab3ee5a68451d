"""A PostgreSQL of this folder's own: the embedded binaries, started once a run, as an unprivileged user when root."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from onhand.deploy.stack.children import unprivileged
from onhand.deploy.stack.postgres import _packaged_binaries
from onhand.deploy.stack.reachable import reachable_binaries
from onhand.sql.ledger import Ledger
from onhand.sql.migrate import migrate
from onhand.sql.pool import Pool
from onhand.sql.rows import Settings
from tests.audited import LIMIT, WINDOW_MS

Rows = Callable[..., list[tuple[Any, ...]]]
"""A query and its values to its rows."""

_SETTINGS = {"fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "shared_buffers": "64MB"}


class Server:
    """One PostgreSQL on a free port; `dsn(name)` is a database of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = unprivileged()
        self.binaries = reachable_binaries(self.user, _packaged_binaries())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.process: subprocess.Popen[bytes] | None = None

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://onhand@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        if self.user:
            os.chown(self.folder, self.user.uid, self.user.gid)
        command = [
            self.binaries / "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "onhand",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "-N",
        ]
        subprocess.run([*command, "--locale=C"], check=True, stdout=subprocess.DEVNULL, **self._as_user())

    def start(self) -> None:
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port), *settings],
                stdout=log, stderr=log, **self._as_user(),
            )  # fmt: skip
        self.wait()

    def wait(self) -> None:
        """Until it answers; fails after 20 s."""
        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(self.dsn(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(2)  # fast shutdown
            self.process.wait(20)

    def _as_user(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user.uid, "group": self.user.gid, "extra_groups": [], "cwd": "/"}


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="onhand-pg-"))
    server = Server(folder)
    try:
        server.create()
        server.start()
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE template_onhand")
        migrate(server.dsn("template_onhand"))
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def empty_dsn(server: Server) -> Iterator[str]:
    """A database without any table."""
    yield from _database(server, "template1")


@pytest.fixture
def dsn(server: Server) -> Iterator[str]:
    """A migrated database of its own for each test."""
    yield from _database(server, "template_onhand")


def _database(server: Server, template: str) -> Iterator[str]:
    name = f"test_{time.monotonic_ns()}"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    yield server.dsn(name)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
async def ledger(dsn: str) -> AsyncIterator[Ledger]:
    """The ledger with partition 0 just born. It does not sleep."""

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    made = Ledger(dsn, sleep=at_once)
    await made.open()
    assert await made.birth(0, "topic", Settings(WINDOW_MS, LIMIT, 1))
    yield made
    await made.close()


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    """Two connections for short questions."""
    made = Pool(dsn, connections=2)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def rows(dsn: str) -> Iterator[Rows]:
    """Ask the database, or change it from outside."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield (
            lambda query, *values: (
                cursor.fetchall() if (cursor := connection.execute(query.encode(), values)).description else []
            )
        )
