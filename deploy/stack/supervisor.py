"""Starts the parts in order, keeps them running, tells the endpoints, and stops all in order."""

import asyncio
import os
from dataclasses import dataclass, field
from typing import Any

from onhand.deploy.stack.children import end, shorten, started_at
from onhand.deploy.stack.errors import Refused, StackError
from onhand.deploy.stack.gateway import Gateway
from onhand.deploy.stack.kafka import Kafka
from onhand.deploy.stack.keeper import Keeper
from onhand.deploy.stack.lock_nodes import NAMES as LOCK_NODE_NAMES
from onhand.deploy.stack.lock_nodes import lock_nodes
from onhand.deploy.stack.part import Part, Progress, Report
from onhand.deploy.stack.postgres import Postgres
from onhand.deploy.stack.reach import LOCK_NODES, VARIABLES
from onhand.deploy.stack.state import StateDir, read_json, write_private
from onhand.deploy.stack.valkey import Valkey
from onhand.deploy.stack.workers import Worker, worker_counts

_GATEWAY_PATIENCE_S = 15.0
_WORKER_PATIENCE_S = 10.0
_SERVER_PATIENCE_S = 25.0
_LOGS_EVERY_S = 30.0
_SERVERS = (*VARIABLES, *LOCK_NODE_NAMES)
"""Parts that are stopped last."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to start. `gates` None is what fits the cores, 0 servers only; `ports` by part; `base_env` as os.environ.

    `lock_nodes`: the nodes of the operators' locks, too.
    """

    gates: int | None = None
    ports: dict[str, int] = field(default_factory=dict)
    schema: bool = True
    lock_nodes: bool = False
    base_env: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def external(self) -> dict[str, str]:
        """Servers that are used instead of the embedded ones, by part name."""
        variables = (VARIABLES | LOCK_NODES).items()
        return {name: self.base_env[variable] for name, variable in variables if self.base_env.get(variable)}


class Supervisor:
    """One run of a stack in a state directory. Children live as long as the thread that runs it, at most."""

    def __init__(self, state: StateDir, options: Options, report: Report) -> None:
        self._state = state
        self._options = options
        self._report_to = report
        self._keepers: list[Keeper] = []
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._told = False
        self._me = {"pid": os.getpid(), "started": started_at(os.getpid())}
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Start everything, set `ready`, keep it running until `stop`, then stop all in order.

        Raises Refused if a stack runs here already, StackError if something does not come up; all is stopped then.
        """
        with self._state.owned():
            clean_up(self._state)
            serve, stop = asyncio.create_task(self._serve()), asyncio.create_task(self._stopping.wait())
            try:
                await asyncio.wait({serve, stop}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._stopping.set()
                serve.cancel()
                await asyncio.gather(serve, return_exceptions=True)
                stop.cancel()
                await self._stop_all()
                await asyncio.get_running_loop().shutdown_default_executor()  # threads that still prepare a part
            if not serve.cancelled() and (fault := serve.exception()):
                raise _first(fault)

    def stop(self) -> None:
        """Begin to stop; called again: do not wait for anybody."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def stopping(self) -> bool:
        """Whether it began to stop."""
        return self._stopping.is_set()

    @property
    def endpoints(self) -> dict[str, Any]:
        """What endpoints.json says."""
        addresses: dict[str, Any] = dict(self._options.external)
        for keeper in self._keepers:
            addresses |= keeper.part.endpoint
        living = {k.part.name: k.child.pid for k in self._keepers if k.child and k.child.poll() is None}
        return addresses | {"processes": living}

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that works on this stack: addresses, secret, state directory."""
        told, variables = self.endpoints, VARIABLES | LOCK_NODES
        addresses = {variable: str(told[name]) for name, variable in variables.items() if name in told}
        given = {n: v for n, v in self._options.base_env.items() if v or not n.startswith("ONHAND_")}  # "" is not set
        base = {"ONHAND_SECRET": self._state.secrets()["secret"]} | given
        return base | addresses | {"ONHAND_STATE": str(self._state.root)}

    async def _serve(self) -> None:
        servers = self._servers()
        await self._start(
            [servers[name] for name in VARIABLES if name not in self._options.external] + self._lock_nodes()
        )
        if self._options.schema:
            await self._make_schema()
        await self._start(self._workers())
        self._told = True
        self._tell()
        self.ready.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(
                self._stopping.wait()
            )  # also where every server is elsewhere and there is nothing to keep
            group.create_task(self._keep_logs_short())
            for keeper in self._keepers:
                group.create_task(keeper.keep())

    async def _keep_logs_short(self) -> None:
        while True:
            await asyncio.sleep(_LOGS_EVERY_S)
            for log in self._state.logs:
                try:
                    await asyncio.to_thread(shorten, log)
                except OSError as error:  # as on a full disk: no reason to stop what runs
                    self._report_to(Progress("logs", "not shortened", str(error)))

    async def _start(self, parts: list[Part]) -> None:
        """Start parts side by side."""
        fresh = [Keeper(part, self._state, self._report, self._tell) for part in parts]
        self._keepers += fresh
        try:
            async with asyncio.TaskGroup() as group:
                for keeper in fresh:
                    group.create_task(keeper.start())
        except BaseExceptionGroup as faults:
            raise _first(faults) from None

    def _servers(self) -> dict[str, Part]:
        names = ["kafka", "kafka-controller", "redis", "postgres", *({"gateway"} & self._options.ports.keys())]
        ports = self._state.ports(names, self._options.ports)
        secrets = self._state.secrets()
        return {
            "kafka": Kafka(self._state, ports["kafka"], ports["kafka-controller"]),
            "redis": Valkey(self._state, ports["redis"], secrets["redis"]),
            "postgres": Postgres(self._state, ports["postgres"], secrets["postgres"]),
        }

    def _lock_nodes(self) -> list[Part]:
        if not self._options.lock_nodes or "lock_nodes" in self._options.external:
            return []
        ports = self._state.ports(list(LOCK_NODE_NAMES), {})
        return [*lock_nodes(self._state, ports, self._state.secrets()["lock_nodes"])]

    def _workers(self) -> list[Part]:
        counts = worker_counts(self._options.gates)
        env = self.environment
        workers: list[Part] = [
            Worker(self._state, role, number, env) for role, count in counts.items() for number in range(1, count + 1)
        ]
        return [*workers, Gateway(self._state, env=env, given=self._options.ports.get("gateway"))] if workers else []

    async def _make_schema(self) -> None:
        from onhand.deploy.stack.schema import make_schema

        self._report(Progress("schema", "preparing"))
        await asyncio.to_thread(make_schema, self.environment)
        self._report(Progress("schema", "ready"))

    async def _stop_all(self) -> None:
        """Gateways first, whose callers still wait for workers; then workers, then servers."""
        servers = [keeper for keeper in self._keepers if keeper.part.name in _SERVERS]
        gateways = [keeper for keeper in self._keepers if isinstance(keeper.part, Gateway)]
        workers = [keeper for keeper in self._keepers if keeper not in servers and keeper not in gateways]
        hurry = asyncio.create_task(self._kill_when_in_a_hurry())
        await asyncio.gather(*(keeper.stop(_GATEWAY_PATIENCE_S) for keeper in gateways))
        await asyncio.gather(*(keeper.stop(_WORKER_PATIENCE_S) for keeper in workers))
        await asyncio.gather(*(keeper.stop(_SERVER_PATIENCE_S) for keeper in servers))
        hurry.cancel()
        self._state.endpoints.unlink(missing_ok=True)
        self._state.run.unlink(missing_ok=True)

    async def _kill_when_in_a_hurry(self) -> None:
        await self._hurry.wait()
        for keeper in self._keepers:
            if keeper.child and keeper.child.poll() is None:
                keeper.child.kill()

    def _tell(self) -> None:
        """Write who runs; once all was ready for the first time, the endpoints too."""
        parts = {k.part.name: _row(k) for k in self._keepers if k.identity}
        try:
            write_private(self._state.run, {"supervisor": self._me, "parts": parts}, lasting=False)
            if self._told and not self._stopping.is_set():
                write_private(self._state.endpoints, self.endpoints, lasting=False)
        except Refused as error:
            if not (self._told or self._stopping.is_set()):
                raise
            self._report_to(Progress("state directory", "not written", str(error)))  # what runs goes on

    def _report(self, progress: Progress) -> None:
        """Pass it on; to a thread that still prepares a part when all is to stop, say so."""
        if self._stopping.is_set() and progress.state == "fetching":
            raise StackError("stopped")
        self._report_to(progress)


def clean_up(state: StateDir) -> None:
    """End what a killed supervisor left behind and take down its papers. Only for whoever owns the directory."""
    state.endpoints.unlink(missing_ok=True)
    if state.run.exists():
        try:
            parts = read_json(state.run)["parts"].values()
        except StackError:  # cut short by a loss of power, which nobody survived
            parts = []
        end([(part["pid"], part["started"]) for part in parts], patience_s=15.0)
        state.run.unlink()


def _first(fault: BaseException) -> BaseException:
    """Of faults side by side the first: it is what the user can do something about."""
    return fault.exceptions[0] if isinstance(fault, BaseExceptionGroup) else fault


def _row(keeper: Keeper) -> dict[str, Any]:
    pid, started = keeper.identity or (0, "")
    return {"pid": pid, "started": started, "state": keeper.state}
