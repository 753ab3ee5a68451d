"""What was asked a moment ago need not be asked again: a bounded cache whose entries are believed for a second."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from onhand.agents.ports import Clock
from onhand.schemas.faults import Retryable

K = TypeVar("K")
V = TypeVar("V")
FRESH_MS = 1_000
STALE_MS = 300_000
"""While the database is away, what it said is believed so long."""


class _Kept(NamedTuple, Generic[V]):
    value: V
    at_ms: int


class Recent(Generic[K, V]):
    """Values by key. `load` finds those of many keys at once; a key that it does not return is asked for again each time."""

    def __init__(self, clock: Clock, load: Callable[[list[K]], Awaitable[dict[K, V]]], most: int) -> None:
        self._clock = clock
        self._load = load
        self._most = most
        self._kept: dict[K, _Kept[V]] = {}

    async def of(self, keys: Iterable[K]) -> dict[K, V]:
        """The values of those keys that have one, at most a second old.

        Where loading raises `Retryable` they may be five minutes old; a key without one lets the fault through.
        """
        wanted, now_ms = list(keys), self._clock.now_ms()
        fresh = self._within(wanted, now_ms, FRESH_MS)
        missing = [key for key in wanted if key not in fresh]
        return fresh | await self._loaded(missing, now_ms) if missing else fresh

    def forget(self, key: K) -> None:
        """Ask for it anew."""
        self._kept.pop(key, None)

    async def _loaded(self, missing: list[K], now_ms: int) -> dict[K, V]:
        try:
            found = await self._load(missing)
        except Retryable:
            stale = self._within(missing, now_ms, STALE_MS)
            if len(stale) < len(missing):
                raise
            return stale
        self._keep(missing, found, now_ms)
        return found

    def _within(self, keys: list[K], now_ms: int, age_ms: int) -> dict[K, V]:
        kept = ((key, self._kept.get(key)) for key in keys)
        return {key: one.value for key, one in kept if one is not None and 0 <= now_ms - one.at_ms < age_ms}

    def _keep(self, asked: list[K], found: dict[K, V], now_ms: int) -> None:
        for key in asked:
            self._kept.pop(key, None)  # what is kept anew goes to the end, so that the oldest stand first
        while self._kept and len(self._kept) + len(found) > self._most:
            del self._kept[next(iter(self._kept))]
        self._kept |= {key: _Kept(value, now_ms) for key, value in found.items()}
