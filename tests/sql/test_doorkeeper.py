"""Who may enter while the database answers, and while it does not."""

import asyncio
import uuid

import pytest

from onhand.agents.gateway.doorkeeper import Doorkeeper
from onhand.schemas.faults import Retryable
from onhand.sql.api_keys import ApiKeys, new_key
from onhand.sql.pool import Pool


class HandClock:
    """Time as a test sets it."""

    at_ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.at_ms

    async def sleep(self, seconds: float) -> None:
        self.at_ms += int(seconds * 1_000)


async def test_a_key_is_believed_for_a_moment_and_longer_while_the_database_is_away(dsn: str) -> None:
    pool, clock = Pool(dsn, connections=1, wait_s=1), HandClock()
    await pool.open()
    keys, made, revoked = ApiKeys(pool), new_key(["read"]), new_key(["read"])
    await keys.add(made)
    await keys.add(revoked)
    doorkeeper = Doorkeeper(keys, clock)
    found = await asyncio.gather(*(doorkeeper.holder(key.key) for key in (made, revoked, made)))
    assert [holder and holder.id for holder in found] == [made.id, revoked.id, made.id]
    assert await doorkeeper.holder("onhand_nobodys") is None

    await keys.revoke(uuid.UUID(revoked.id))
    await clock.sleep(2)
    assert await doorkeeper.holder(revoked.key) is None
    assert await doorkeeper.holder(made.key) == found[0]

    await pool.close()
    await clock.sleep(299)
    assert await doorkeeper.holder(made.key) == found[0]
    for key in (revoked.key, "onhand_nobodys", "onhand_another"):
        with pytest.raises(Retryable):
            await doorkeeper.holder(key)
    await clock.sleep(2)
    with pytest.raises(Retryable):
        await doorkeeper.holder(made.key)
