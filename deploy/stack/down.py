"""`onhand down`: stops whatever runs in a state directory."""

import os
import signal
import time

from onhand.deploy.stack.children import started_at
from onhand.deploy.stack.errors import Refused
from onhand.deploy.stack.state import StateDir, read_json
from onhand.deploy.stack.supervisor import clean_up

_PATIENCE_S = 60.0
_POLL_S = 0.05


def stop(state: StateDir) -> bool:
    """Stop the stack and wait until all of it is gone; what a killed run left is ended too. False if nothing ran."""
    ran = state.run.exists()
    until = time.monotonic() + _PATIENCE_S
    asked = False
    while True:
        try:
            with state.owned():
                clean_up(state)
                return ran
        except Refused:
            ran = True
        late = time.monotonic() > until
        if not asked or late:
            asked = _signal_supervisor(state, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(_POLL_S)


def _signal_supervisor(state: StateDir, number: signal.Signals) -> bool:
    """True if it was there to be signalled: a supervisor that has just begun has not written its name yet."""
    if not state.run.exists():
        return False
    supervisor = read_json(state.run)["supervisor"]
    if started_at(supervisor["pid"]) != supervisor["started"]:
        return False
    os.kill(supervisor["pid"], number)
    return True
