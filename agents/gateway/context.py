"""What every route may use: made once by `app.py`, handed to a route as ``context: Ctx``."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from onhand.agents.gateway.background import Background
from onhand.agents.gateway.desk import Desk
from onhand.agents.gateway.doorkeeper import Doorkeeper
from onhand.agents.gateway.finder import Finder
from onhand.agents.gateway.reads.shelves import Shelves
from onhand.agents.ports import Clock
from onhand.agents.settings import Settings
from onhand.lua.gate import Gate
from onhand.lua.limits import Limits
from onhand.lua.locks import Locks
from onhand.sql.pool import Pool


@dataclass(slots=True)
class Context:
    """The servers behind the gateway and what is made of them.

    `partitions` is the count of the positioned topics. `draining`: the process is to end, and serves what is under way.
    """

    settings: Settings
    clock: Clock
    partitions: int
    gate: Gate
    pool: Pool
    doorkeeper: Doorkeeper
    limits: Limits
    finder: Finder
    shelves: Shelves
    desk: Desk
    background: Background
    locks: Locks
    batches: int = 0
    """Batches that are under way."""
    draining: asyncio.Event = field(default_factory=asyncio.Event)


def context_of(request: Request) -> Context:
    """The context of the application that got this request."""
    context: Context = request.app.state.context
    return context


async def _context(request: Request) -> Context:
    return context_of(request)  # async, or FastAPI would ask for it in a thread


Ctx = Annotated[Context, Depends(_context)]
"""A route's parameter ``context: Ctx``."""
