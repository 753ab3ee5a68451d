"""The gateway as a process: it listens, tells that it is ready, and at SIGTERM finishes what is under way before it ends."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from onhand.agents import logs
from onhand.agents.clock import SystemClock
from onhand.agents.gateway.app import PREFIX, create_app
from onhand.agents.gateway.context import Context
from onhand.agents.gateway.edge import Edge
from onhand.agents.gateway.protocol import BoundedProtocol
from onhand.agents.gateway.routers import ROUTERS, STREAMED
from onhand.agents.gateway.straight import Straight
from onhand.agents.kafka import tolerance
from onhand.agents.settings import Settings
from onhand.schemas.faults import Retryable

log = structlog.get_logger("gateway")

EXIT_AWAY = 3
EXIT_REFUSED = 1
EXIT_BROKEN = 70
"""A bug; the last line of the log says which."""
_BACKLOG = 2_048
_GARBAGE_AFTER = 50_000
"""Objects made before the collector looks: all that a request waits for meanwhile stands still."""


def run() -> int:
    """Run a gateway in the foreground until SIGTERM or SIGINT; the exit code."""
    settings = Settings()
    logs.configure(settings.log_level)
    tolerance.install()
    return uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    app = create_app(settings, SystemClock())
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER)
    edge = Edge(Straight(app, PREFIX, ROUTERS), STREAMED)
    asked = _asked_to_end()
    try:
        listener = _listener(settings)
    except OSError as error:
        log.critical("cannot listen", host=settings.gateway_host, port=settings.gateway_port, fault=str(error))
        return EXIT_REFUSED
    try:
        async with app.router.lifespan_context(app):
            return await _until_asked(app, edge, listener, asked, settings)
    except Retryable as fault:
        log.critical("a server is away", fault=str(fault))
        return EXIT_AWAY
    finally:
        listener.close()


async def _until_asked(
    app: FastAPI, edge: Edge, listener: socket.socket, asked: asyncio.Event, settings: Settings
) -> int:
    context: Context = app.state.context
    server = _Server(
        uvicorn.Config(
            edge, http=BoundedProtocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            proxy_headers=False, backlog=_BACKLOG, timeout_graceful_shutdown=int(settings.gateway_timeout_s) + 1, timeout_keep_alive=30,
        )
    )  # fmt: skip
    serving = asyncio.create_task(server.serve([listener]))
    telling = asyncio.create_task(_tell_ready(context, listener))
    ending = asyncio.create_task(asked.wait())
    broken = context.background.broken
    ends: list[asyncio.Future[Any]] = [serving, ending, broken]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    telling.cancel()
    if broken.done():
        log.critical("something broke, the process ends", exc_info=broken.result())
        server.force_exit = True
    elif asked.is_set():
        await _drain(context, edge)
    server.should_exit = True
    await serving
    ending.cancel()
    return 0 if asked.is_set() and not broken.done() else EXIT_BROKEN


async def _drain(context: Context, edge: Edge) -> None:
    """Say that we are about to end, to whoever asks, and let what is under way finish."""
    log.info("draining", under_way=edge.under_way)
    context.draining.set()
    await asyncio.sleep(context.settings.gateway_drain_s)
    with suppress(TimeoutError):
        async with asyncio.timeout(context.settings.gateway_timeout_s):
            await edge.quiet.wait()


async def _tell_ready(context: Context, listener: socket.socket) -> None:
    """Tell whoever started us, once, by a line on an inherited file descriptor."""
    await context.desk.until_ready()
    host, port = listener.getsockname()[:2]
    log.info("ready", host=host, port=port)
    if context.settings.ready_fd is not None:
        os.write(context.settings.ready_fd, b"ready\n")
        os.close(context.settings.ready_fd)


def _asked_to_end() -> asyncio.Event:
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked


def _listener(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.gateway_host else socket.AF_INET
    listener = socket.create_server((settings.gateway_host, settings.gateway_port), family=family, backlog=_BACKLOG)
    listener.setblocking(False)
    return listener


class _Server(uvicorn.Server):
    """Signals are ours: an end begins with draining."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
