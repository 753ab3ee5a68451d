"""The routes of ``/api/v1``, in the order in which they are tried: whoever makes a router adds it here."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
