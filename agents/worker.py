"""The composition root: one process of one role, wired to its servers, until SIGTERM."""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
import uvloop
from aiokafka.errors import KafkaError
from prometheus_client import start_http_server

from onhand.agents import logs
from onhand.agents.clock import SystemClock
from onhand.agents.faust_app import build
from onhand.agents.gate.wiring import gate_role
from onhand.agents.kafka import tolerance
from onhand.agents.kafka.logreader import KafkaLog
from onhand.agents.kafka.publisher import KafkaPublisher
from onhand.agents.lanes import Lane, Lanes
from onhand.agents.ledger.wiring import ledger_role
from onhand.agents.meter import meter
from onhand.agents.microbatch import App
from onhand.agents.probes import deadly_probe, no_probe
from onhand.agents.role import Resources, Role
from onhand.agents.router.wiring import router_role
from onhand.agents.settings import Settings
from onhand.schemas.faults import Corrupt

log = structlog.get_logger("worker")

ROLES: dict[str, Callable[[Resources], Awaitable[Role]]] = {
    "gate": gate_role, "ledger": ledger_role, "router": router_role,
}  # fmt: skip

EXIT_BROKEN = 70
"""An invariant does not hold, or there is a bug; the last line of the log says which."""
EXIT_AWAY = 3
_GARBAGE_AFTER = 100_000
"""Objects made before the collector looks: a batch makes thousands, none of them in cycles."""
_STOP_S = 5.0
_PROBE_VARIABLE = "ONHAND_TEST_PROBE"
_GROUP_VARIABLE = "ONHAND_TEST_GROUP"
"""Another consumer group, so that a test can make two owners of every partition."""


def run(role: str) -> int:
    """Run a worker of that role (`gate`, `ledger` or `router`) in the foreground until SIGTERM or SIGINT; the exit code."""
    settings = Settings()
    logs.configure(settings.log_level)
    tolerance.install()
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER)
    return uvloop.run(_serve(role, settings))


async def _serve(name: str, settings: Settings) -> int:
    publisher, reader = KafkaPublisher(settings.broker), KafkaLog(settings.broker)
    probe = deadly_probe(os.environ[_PROBE_VARIABLE]) if _PROBE_VARIABLE in os.environ else no_probe
    group = os.environ.get(_GROUP_VARIABLE, f"onhand-{name}")
    resources = Resources(settings, group, reader, publisher, SystemClock(), probe)
    role = await ROLES[name](resources)
    broken: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def note(error: BaseException) -> None:
        if not broken.done():
            broken.set_result(error)

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            note(task.exception() or Corrupt(f"{task.get_name()} ended by itself"))

    lanes = Lanes(lambda partition: Lane(partition, role.work, role.alarms, resources.clock, note))
    readiness = Readiness(settings.ready_fd, lanes)
    app = build(settings.broker, group, role.topic, lanes, readiness.assigned, role.breath_s)
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port, addr="127.0.0.1")
    beside = [asyncio.create_task(meter(name, role, resources, lanes), name="meter")]
    if role.watch is not None:
        beside.append(asyncio.create_task(role.watch(), name="watch"))
    for task in beside:
        task.add_done_callback(ended)
    try:
        code = await _until_stopped(app, broken)
        if code:
            _end_now(code)
        return code
    finally:
        for task in beside:
            task.cancel()
        readiness.cancel()
        await lanes.close()
        await publisher.close()
        await reader.close()
        await role.close()


def _end_now(code: int) -> None:
    """End without an orderly stop: Faust's tasks swallow their cancellation then, and the process would stay, serving nothing.

    That is a crash, which the next owner of the partitions recovers from.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_by_force(after_s: float) -> None:
    """An orderly stop takes a second; one that waits for a server that does not answer must not take longer than this."""

    def end() -> None:
        log.critical("the stop took too long, the process ends at once; the next owner recovers", after_s=after_s)
        _end_now(1)

    timer = threading.Timer(after_s, end)
    timer.daemon = True
    timer.start()


async def _until_stopped(app: App, broken: asyncio.Future[BaseException]) -> int:
    """Run Faust until a signal (0), until it stops by itself (1), or until a lane broke (70): then start us again."""
    asked = asyncio.Event()

    def stop() -> None:
        asked.set()
        _end_by_force(_STOP_S)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await app.start()
    except (KafkaError, OSError) as fault:
        log.critical("Kafka is away", fault=repr(fault))
        return EXIT_AWAY
    waits: list[asyncio.Future[Any]] = [broken, *map(asyncio.ensure_future, (asked.wait(), app.wait_until_stopped()))]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if broken.done():
        log.critical("a lane broke, the process ends", exc_info=broken.result())
        return EXIT_BROKEN
    if not asked.is_set():
        log.critical("Faust stopped by itself", reason=repr(app.crash_reason))
        return 1
    await app.stop()
    return 0


class Readiness:
    """Tells whoever started us, once, by a line on an inherited file descriptor, that all our lanes serve."""

    def __init__(self, fd: int | None, lanes: Lanes) -> None:
        self._fd = fd
        self._lanes = lanes
        self._telling: asyncio.Task[None] | None = None

    async def assigned(self) -> None:
        """Lanes were opened."""
        if self._fd is not None:
            self.cancel()
            self._telling = asyncio.create_task(self._tell())

    def cancel(self) -> None:
        """Wait no more."""
        if self._telling is not None:
            self._telling.cancel()

    async def _tell(self) -> None:
        await self._lanes.started()
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.write(fd, b"ready\n")
            os.close(fd)
