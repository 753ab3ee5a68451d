"""The outage: one gate worker of the running stack is killed with SIGKILL, and its replacement awaited."""

import os
import signal
import time
from pathlib import Path

import psutil
from pydantic_core import from_json


class Outage:
    """Kills once, at most. `story` tells what happened, a line each; `at` is when, by the monotonic clock."""

    def __init__(self, state: Path) -> None:
        self.story: list[str] = []
        self.at = 0.0
        self._endpoints = state / "endpoints.json"
        self._name = ""
        self._pid = 0
        self._back = False

    def begin(self) -> None:
        """Kills the first gate worker that the stack in this state directory runs; tells why if there is none."""
        gates = [(name, pid) for name, pid in sorted(self._processes().items()) if name.startswith("gate-")]
        for name, pid in gates:
            if _is_gate_worker(pid):
                os.kill(pid, signal.SIGKILL)
                self._name, self._pid, self.at = name, pid, time.monotonic()
                self.story.append(f"{name} (process {pid}) was killed with SIGKILL")
                return
        self.story.append("no gate worker runs on this machine for this state directory: none was killed")

    def look(self) -> None:
        """Notes when the replacement is there."""
        if not self._pid or self._back:
            return
        pid = self._processes().get(self._name, self._pid)
        if pid != self._pid:
            self._back = True
            self.story.append(f"{self._name} was started again as process {pid}")

    def told(self, served_again: dict[int, float]) -> list[str]:
        """The whole story, with when each partition answered commands again that were sent after the kill."""
        if not self._pid or not served_again:
            return self.story
        seconds = max(served_again.values()) - self.at
        return [*self.story, f"every partition served again {seconds:.1f} s after the kill"]

    def _processes(self) -> dict[str, int]:
        try:
            processes: dict[str, int] = from_json(self._endpoints.read_bytes()).get("processes", {})
        except (OSError, ValueError):
            return {}
        return processes


def _is_gate_worker(pid: int) -> bool:
    """The file may be older than the processes: look before shooting."""
    try:
        words = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return words[-2:] == ["worker", "gate"]
