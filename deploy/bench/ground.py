"""The ground of a measurement: a throw-away stack, or the servers of a running one; and workers of our own on it."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from select import select

from onhand.agents.births import ensure
from onhand.agents.settings import Settings
from onhand.deploy.bench.ends import Ends
from onhand.deploy.stack import Refused, Stack, StackError
from onhand.deploy.stack.children import Command, spawn, tail
from onhand.deploy.stack.part import Progress, Report
from onhand.deploy.stack.reach import environment_of, settings_of
from onhand.deploy.stack.state import StateDir, read_json
from onhand.lua.gate import connect
from onhand.schemas.faults import Corrupt

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
    def worker(self, role: str, wait: bool = True) -> Iterator[subprocess.Popen[bytes]]:
        """A worker (`gate` or `ledger`) for the time of a `with`; `wait`: until it serves. StackError if it does not."""
        with self._serving(role, ["worker", role], {}, wait) as child:
            yield child

    @contextmanager
    def gateway(self) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
        """A gateway that serves, for the time of a `with`, and its URL. StackError if it does not."""
        port = self.state.ports(["bench-gateway"], {})["bench-gateway"]
        env = {"ONHAND_GATEWAY_HOST": "127.0.0.1", "ONHAND_GATEWAY_PORT": str(port)}
        with self._serving("gateway", ["gateway"], env) as child:
            yield child, f"http://127.0.0.1:{port}"

    @contextmanager
    def _serving(
        self, name: str, words: Sequence[str], env: dict[str, str], wait: bool = True
    ) -> Iterator[subprocess.Popen[bytes]]:
        ready, theirs = os.pipe()
        argv = [sys.executable, "-m", "onhand.deploy.cli", *words]
        given = self.environment | env | {"ONHAND_READY_FD": str(theirs)}
        command = Command(argv, given, self.state.root, orphan_signal=signal.SIGKILL, pass_fds=(theirs,))
        try:
            with self.child(command, f"bench-{name}") as child:
                os.close(theirs)
                if wait and (not select([ready], [], [], _READY_WITHIN_S)[0] or not os.read(ready, 64)):
                    raise StackError(f"the {name} does not serve; see {self.state.log(f'bench-{name}')}")
                yield child
        finally:
            os.close(ready)

    def settled(self) -> None:
        """Wait until the gate worker, idle now, has trimmed what is published: the next one would tell it again."""
        asyncio.run(asyncio.wait_for(self._trimmed(), _READY_WITHIN_S))

    async def _trimmed(self) -> None:
        gate = connect(self.settings.redis.get_secret_value())
        try:
            for partition in range(self.partitions):
                while (mark := await gate.mark(partition)) and mark.unpublished:  # noqa: ASYNC110 it has no event
                    await asyncio.sleep(0.1)
        finally:
            await gate.close()

    @contextmanager
    def child(self, command: Command, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process for the time of a `with`; the end of its log is added to what is found wrong meanwhile."""
        log = self.state.log(name)
        child = spawn(command, log)
        try:
            yield child
        except Corrupt as wrong:
            raise Corrupt(f"{wrong}\n{name}:\n{tail(log)}") from wrong
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
