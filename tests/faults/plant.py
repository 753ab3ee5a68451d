"""Real servers and real worker processes to do harm to, and the proof that all is right again."""

import os
import signal
import subprocess
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis import Redis

from onhand.agents.settings import Settings
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.program import audit
from onhand.deploy.stack import Stack, StackError
from onhand.deploy.stack import status as look
from onhand.deploy.stack.reach import settings_at
from onhand.schemas.faults import Retryable
from tests.faults.forked import FORKS, Forked
from tests.stack.waiting import until

READY_S = 40.0
CATCH_UP_S = 90.0


class Worker:
    """One worker process. `probe` names where it dies, `group` another consumer group than the usual."""

    def __init__(self, role: str, env: dict[str, str], log: Path, probe: str | None, group: str | None) -> None:
        self.role, self.probe = role, probe
        self._ready, theirs = FORKS.Pipe(duplex=False)
        extra = {"ONHAND_TEST_PROBE": probe} if probe else {}
        extra |= {"ONHAND_TEST_GROUP": group} if group else {}
        self.process = Forked(["worker", role], env | extra, log, theirs)
        theirs.close()

    def serving(self) -> Self:
        """Wait until it serves; one that ends before is a fault, unless it was to die."""
        until(lambda: self._told_ready() or (self.probe and self.process.poll() is not None), READY_S)
        return self

    def _told_ready(self) -> bool:
        if not self._ready.poll():
            return False
        told = os.read(self._ready.fileno(), 64)
        assert told or self.probe, f"the {self.role} worker ended with {self.process.wait(10)}"
        return bool(told)

    def signal(self, number: signal.Signals) -> None:
        """SIGKILL, SIGSTOP, SIGCONT, SIGTERM."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """SIGTERM; it must end well."""
        self.signal(signal.SIGTERM)
        assert self.process.wait(20) == 0

    def died(self) -> None:
        """Wait for the death that its probe brings."""
        assert self.process.wait(CATCH_UP_S) == -signal.SIGKILL

    def end(self) -> None:
        """Whatever it does, it ends now: in order if it can, so that its group does not wait for it."""
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            self.kill()
        self._ready.close()


class Plant:
    """The servers of a stack, and workers."""

    def __init__(self, servers: Stack) -> None:
        self.servers = servers
        self.settings: Settings = settings_at(servers.state.root)
        self._ends = ExitStack()
        self._number = 0
        self.workers: list[Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        print(self._last_words())  # pytest shows it where a test failed
        self._ends.close()

    def worker(self, role: str, probe: str | None = None, group: str | None = None) -> Worker:
        """Start one; it is not waited for."""
        self._number += 1
        log = self.servers.state.root / "logs" / f"test-{role}-{self._number}.log"
        worker = Worker(role, self.servers.environment, log, probe, group)
        self._ends.callback(worker.end)
        self.workers.append(worker)
        return worker

    def staff(self, gates: int = 1, ledgers: int = 1) -> list[Worker]:
        """Workers of both roles, serving; the gates come first."""
        workers = [self.worker(role) for role, count in (("gate", gates), ("ledger", ledgers)) for _ in range(count)]
        return [worker.serving() for worker in workers]

    def ended(self) -> list[int]:
        """Exit codes of workers that run no more."""
        return [code for worker in self.workers if (code := worker.process.poll()) is not None]

    def kill_server(self, name: str) -> None:
        """SIGKILL to a server; returns when the supervisor has another one running."""
        before = self.servers.endpoints["processes"][name]
        os.kill(before, signal.SIGKILL)
        until(lambda: self.servers.endpoints["processes"].get(name) not in (None, before), 60)

    def redis(self) -> "Redis":
        """A client of the gate's store."""
        return Redis.from_url(self.settings.redis.get_secret_value())

    def rows(self) -> list[dict[str, Any]]:
        """What `onhand status` says of the partitions; nothing while a server is away."""
        try:
            return look.partitions(self.servers.state.root)
        except (Retryable, StackError):
            return []

    def caught_up(self) -> None:
        """Wait until gate and ledger have reached the end of the log everywhere; no alarm meanwhile."""
        until(self._level, CATCH_UP_S, every_s=0.1)  # each look connects to every server, beside those who catch up

    def _level(self) -> bool:
        rows = self.rows()
        assert not [row for row in rows if row["alarm"]], rows
        return bool(rows) and all(row["end_offset"] == row["gate_offset"] == row["ledger_offset"] for row in rows)

    def proven(self) -> Findings:
        """Everything catches up and the audit finds no difference."""
        self.caught_up()
        findings = audit(self.settings)
        assert findings.clean, (Counter(d.kind for d in findings.differences), findings.differences[:5])
        return findings

    def _last_words(self) -> str:
        logs = sorted((self.servers.state.root / "logs").glob("test-*.log"))
        return "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-15:]) for log in logs[-4:])
