"""A bug in a lane ends the process, with 70 and a last line that says why: a supervisor starts it again."""

import os
import subprocess
import sys

from onhand.deploy.stack import Stack
from tests.end_to_end.talk import Talk

BROKEN = """
import sys
from onhand.agents.gate.lane import GateLane
from onhand.agents.worker import run

async def broken(self, records):
    raise AssertionError("a bug in a lane")

GateLane._take = broken
sys.exit(run("gate"))
"""


def test_a_bug_in_a_lane_ends_the_process(system: Stack, talk: Talk) -> None:
    env = os.environ | system.environment | {"ONHAND_TEST_GROUP": "onhand-broken"}
    worker = subprocess.Popen([sys.executable, "-c", BROKEN], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        while worker.poll() is None:
            talk.ask(talk.command("receive", "BROKEN", quantity=1))
        told, _ = worker.communicate(timeout=10)
    finally:
        worker.kill()
    assert worker.returncode == 70
    assert b"a lane broke" in told.splitlines()[-1]
    assert b"a bug in a lane" in told
