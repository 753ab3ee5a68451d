"""Servers that die under the writer: what was written is known from the watermark, and nothing comes twice."""

import asyncio
import os
import random
import signal

import psycopg
import pytest

from onhand.schemas.faults import Retryable
from onhand.sql.ledger import Ledger
from onhand.sql.rows import Fenced, Mark
from tests.decided import Deciding, window, windows
from tests.scenarios import moved
from tests.sql.conftest import Rows, Server
from tests.sql.test_ledger import compared


async def test_backends_are_killed_again_and_again_and_every_window_is_in_once(
    ledger: Ledger, dsn: str, server: Server
) -> None:
    dice, deciding = random.Random(5), Deciding()
    todo = list(windows(deciding.shop(1_500, 5), dice, 40))
    starts = {cut.expected_seq: number for number, cut in enumerate(todo)}
    number = faults = 0
    while number < len(todo):
        killer = asyncio.create_task(kill_the_writer(dsn, dice.random() * 0.006)) if number % 12 == 5 else None
        try:
            await ledger.write(todo[number])
            number += 1
        except Retryable:
            faults += 1
            await asyncio.to_thread(server.wait)
            number = starts.get((await settled(ledger)).seq, len(todo))
        if killer is not None and await killer:
            await asyncio.to_thread(server.wait)
    findings = compared(dsn, deciding)
    assert findings.clean, findings.differences
    assert faults >= 1


async def kill_the_writer(dsn: str, after_s: float) -> bool:
    """PostgreSQL takes all its processes down and starts anew when one of them is killed."""
    with psycopg.connect(dsn) as connection:
        pids = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'onhand-ledger' AND datname = current_database()"
        ).fetchall()
    await asyncio.sleep(after_s)
    for (pid,) in pids:
        os.kill(pid, signal.SIGKILL)
    return bool(pids)


async def settled(ledger: Ledger) -> Mark:
    """Where partition 0 stands, as soon as the server answers again."""
    async with asyncio.timeout(20):
        while True:
            try:
                mark = await ledger.mark(0)
                assert mark is not None
                return mark
            except Retryable:
                await asyncio.sleep(0.02)


async def test_the_server_is_stopped_and_started_again(ledger: Ledger, server: Server, dsn: str) -> None:
    decide = Deciding()
    first, second = window(decide(moved("receive", 1, 5))), window(decide(moved("receive", 2, 5)))
    await ledger.write(first)
    server.stop()
    try:
        with pytest.raises(Retryable):
            await ledger.write(second)
    finally:
        server.start()
    assert (await settled(ledger)).seq == 1
    await ledger.write(second)
    assert compared(dsn, decide).clean


async def test_a_zombie_whose_window_waits_for_the_owner_is_fenced(ledger: Ledger, dsn: str, rows: Rows) -> None:
    decide = Deciding()
    cut = window(decide(moved("receive", 1, 5)))
    zombie = Ledger(dsn)
    await zombie.open()
    owner, late = await asyncio.gather(ledger.write(cut), zombie.write(cut), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in (owner, late)) == ["Fenced", "Findings"]
    assert rows("SELECT total_qty, version FROM inventory") == [(5, 1)]
    with pytest.raises(Fenced):
        await zombie.write(cut)
    await zombie.close()


async def test_nobody_answers(server: Server) -> None:
    ledger = Ledger(server.dsn("there_is_no_such_database"), wait_s=0.2)
    with pytest.raises(Retryable):
        await ledger.open()
    with pytest.raises(Retryable):
        await ledger.mark(0)
    await ledger.close()
