"""API keys: made, found, listed, revoked. A key is told once, when it is made; stored is its SHA-256."""

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from onhand.sql.pool import Pool

SCOPES = ("read", "reserve", "move", "admin")
_PREFIX = "onhand_"
"""So that a scanner for secrets knows one that got where it should not be."""

_FIND: LiteralString = "SELECT id::text, scopes FROM api_keys WHERE sha256 = %s AND revoked_at IS NULL"
_LIST: LiteralString = "SELECT id::text, scopes, created_at, revoked_at FROM api_keys ORDER BY created_at, id"
_ADD: LiteralString = "INSERT INTO api_keys (id, sha256, scopes) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING"
_REVOKE: LiteralString = "UPDATE api_keys SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL RETURNING 1"


class NewKey(NamedTuple):
    """A key as it is told, once."""

    id: str
    key: str
    scopes: list[str]


class Holder(NamedTuple):
    """Whose key it is, and what it opens."""

    id: str
    scopes: frozenset[str]


class KeyRow(NamedTuple):
    """A key as it is listed."""

    id: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None

    def told(self) -> dict[str, Any]:
        """As JSON, times in RFC 3339."""
        ended = self.revoked_at and self.revoked_at.isoformat()
        return self._asdict() | {"created_at": self.created_at.isoformat(), "revoked_at": ended}


def new_key(scopes: Iterable[str]) -> NewKey:
    """A key of 32 random bytes; `ValueError` for a scope that there is not, or for none."""
    wanted = sorted(set(scopes), key=lambda scope: SCOPES.index(scope) if scope in SCOPES else -1)
    if not wanted or wanted[0] not in SCOPES:
        raise ValueError(f"scope: {wanted[0]!r} is none of {', '.join(SCOPES)}" if wanted else "scope: is missing")
    return NewKey(str(uuid.uuid4()), _PREFIX + secrets.token_urlsafe(32), wanted)


class ApiKeys:
    """The keys in the database; faults as those of `Pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, key: NewKey) -> None:
        """Store a key; one whose id is there already, revoked or not, is left as it is."""
        await self._pool.rows(_ADD, key.id, _sha256(key.key), key.scopes)

    async def find(self, key: str) -> Holder | None:
        """Whose key that is; None where nobody's or revoked."""
        rows = await self._pool.rows(_FIND, _sha256(key))
        return Holder(rows[0][0], frozenset(rows[0][1])) if rows else None

    async def list(self) -> list[KeyRow]:
        """All that were ever made, oldest first."""
        return [KeyRow(*row) for row in await self._pool.rows(_LIST)]

    async def revoke(self, id: uuid.UUID) -> bool:
        """End a key; False where there is none of that id that still opens anything."""
        return bool(await self._pool.rows(_REVOKE, id))


def _sha256(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
