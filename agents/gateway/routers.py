"""The routes of ``/api/v1``, in the order in which they are tried: whoever makes a router adds it here."""

from fastapi import APIRouter

from onhand.agents.gateway import movements, reservations
from onhand.agents.gateway.reads import availability, history, low_stock, reservation, warehouses

ROUTERS: tuple[APIRouter, ...] = (
    reservations.router, movements.router, availability.router, history.router, low_stock.router, reservation.router,
    warehouses.router,
)  # fmt: skip
STREAMED: frozenset[str] = frozenset()
"""Paths whose bodies may be of any length."""
