"""Which topic of requests is read, and what stops the router."""

from onhand.sql.pool import Pool
from onhand.sql.requests import (
    RequestAlarm,
    RequestAlarms,
    RequestTopic,
    clear_request_alarms,
    request_alarms,
    request_topic,
    take_up,
)


async def test_the_first_topic_stays_until_another_is_taken_up(pool: Pool) -> None:
    assert await request_topic(pool, "first") == RequestTopic(0, "first")
    assert await request_topic(pool, "second") == RequestTopic(0, "first")
    assert not await take_up(pool, "first")
    assert await take_up(pool, "second")
    assert not await take_up(pool, "second")
    assert not await take_up(pool, "first"), "what was left for another is not begun with again"
    assert await request_topic(pool, "third") == RequestTopic(1, "second")


async def test_alarms_stop_a_partition_until_they_are_cleared(pool: Pool) -> None:
    alarms = RequestAlarms(pool)
    assert not await clear_request_alarms(pool)
    await alarms.raise_alarm(2, "other_requests", "anew", -1)
    await alarms.raise_alarm(0, "other_requests", "shorter", 7)
    assert [await alarms.alarmed(partition) for partition in (0, 1, 2)] == [True, False, True]
    told = [RequestAlarm(0, "other_requests", "shorter", 7), RequestAlarm(2, "other_requests", "anew", -1)]
    assert await request_alarms(pool) == told
    assert await clear_request_alarms(pool)
    assert not await alarms.alarmed(2)
