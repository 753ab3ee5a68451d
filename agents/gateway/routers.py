"""The routes of ``/api/v1``, in the order in which they are tried: whoever makes a router adds it here."""

from fastapi import APIRouter

from onhand.agents.gateway import movements, reservations

ROUTERS: tuple[APIRouter, ...] = (reservations.router, movements.router)
STREAMED: frozenset[str] = frozenset()
"""Paths whose bodies may be of any length."""
