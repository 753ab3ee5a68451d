"""The routes of ``/api/v1``, in the order in which they are tried: whoever makes a router adds it here."""

from fastapi import APIRouter

from onhand.agents.gateway import movements, reservations
from onhand.agents.gateway.batch import route as batch
from onhand.agents.gateway.reads import availability, history, in_transit, low_stock, reservation, warehouses

ROUTERS: tuple[APIRouter, ...] = (
    reservations.router, movements.router, batch.router, availability.router, history.router, in_transit.router,
    low_stock.router, reservation.router, warehouses.router,
)  # fmt: skip
STREAMED: frozenset[str] = frozenset({"/api/v1/inventory/batch"})
"""Paths whose bodies may be of any length."""
