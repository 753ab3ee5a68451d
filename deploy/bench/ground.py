"""The ground of a measurement: a throw-away stack, or the servers of a running one; and workers of our own on it."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onhand.agents.births import ensure
from onhand.agents.settings import Settings
from onhand.deploy.bench.ends import Ends
from onhand.deploy.stack import Refused, Stack, StackError
from onhand.deploy.stack.children import Command, spawn
from onhand.deploy.stack.part import Progress, Report
from onhand.deploy.stack.reach import environment_of, settings_of
from onhand.deploy.stack.state import StateDir, read_json
from onhand.deploy.stack.workers import Worker
from onhand.lua.gate import connect

_SERVERS = ("kafka", "redis", "postgres")
_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Servers, with tables, topics and births, and no workers but ours."""

    state: StateDir
    environment: dict[str, str]
    settings: Settings
    servers: dict[str, int]
    """Pids, of those that run on this machine."""
    partitions: int
    ends: Ends

    @contextmanager
    def worker(self, role: str) -> Iterator[subprocess.Popen[bytes]]:
        """A worker (`gate` or `ledger`) for the time of a `with`, from when it serves."""
        part = Worker(self.state, role, 0, self.environment)
        with self.child(part.command(), f"bench-{role}") as child:
            try:
                asyncio.run(asyncio.wait_for(part.serving(child), _READY_WITHIN_S))
            except TimeoutError:
                raise StackError(f"the {role} worker does not serve; see {self.state.log(f'bench-{role}')}") from None
            yield child

    def settled(self) -> None:
        """Wait until the gate worker, idle now, has trimmed what is published: the next one would tell it again."""
        asyncio.run(asyncio.wait_for(self._trimmed(), _READY_WITHIN_S))

    async def _trimmed(self) -> None:
        gate = connect(self.settings.redis.get_secret_value())
        try:
            for partition in range(self.partitions):
                while (mark := await gate.mark(partition)) and mark.unpublished:
                    await asyncio.sleep(0.1)  # noqa: ASYNC110 the store has no event
        finally:
            await gate.close()

    @contextmanager
    def child(self, command: Command, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process for the time of a `with`; its output goes to a log of that name."""
        child = spawn(command, self.state.log(name))
        for fd in command.pass_fds:
            os.set_inheritable(fd, False)
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def throw_away(report: Report) -> Iterator[Ground]:
    """A stack in a temporary directory, gone afterwards. Servers that ONHAND_KAFKA and the like name are used as they are."""
    with tempfile.TemporaryDirectory(prefix="onhand-bench-") as directory:
        os.chmod(directory, 0o755)  # PostgreSQL, which is somebody else if we are root, must enter
        with Stack(directory, report=report) as stack:
            yield _ground(stack.state, stack.environment, stack.endpoints["processes"])


@contextmanager
def running(state: Path) -> Iterator[Ground]:
    """The servers of a running stack. Refused if it has workers: they would take part in what is measured."""
    processes = read_json(state / "endpoints.json")["processes"]
    if workers := sorted(name for name in processes if name not in _SERVERS):
        raise Refused(f"{', '.join(workers)} would take part; start the stack with `onhand up --workers 0`")
    yield _ground(StateDir.at(state), environment_of(state), processes)


def quiet(_: Progress) -> None:
    """Nobody looks at the start."""


def _ground(state: StateDir, environment: dict[str, str], processes: dict[str, int]) -> Ground:
    settings = settings_of(environment)
    partitions = ensure(settings).partitions
    servers = {name: pid for name, pid in processes.items() if name in _SERVERS}
    return Ground(state, environment, settings, servers, partitions, Ends(settings.broker, partitions))


def pids(ground: Ground, workers: Sequence[tuple[str, subprocess.Popen[bytes]]]) -> dict[str, int]:
    """Whose CPU is counted."""
    return {name: child.pid for name, child in workers} | ground.servers
