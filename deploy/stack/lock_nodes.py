"""Five small Valkeys, independent of each other and of the gate's: the nodes of the operators' locks."""

import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from onhand.deploy.stack.children import Command
from onhand.deploy.stack.part import Report, listening
from onhand.deploy.stack.state import StateDir
from onhand.deploy.stack.valkey import configure, server

NAMES = tuple(f"lock-{number}" for number in range(1, 6))
"""As in endpoints.json: five, so that two may fail."""

REST_S = 5.5
"""A node that ended has forgotten what it granted, so it stays away until that has expired (`onhand.lua.locks.TTL_MS`)."""

_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{data}"
daemonize no
# a lock is held for seconds: nothing is worth a disk, and a full node refuses locks rather than forget one
appendonly no
save ""
maxmemory 16mb
maxmemory-policy noeviction
"""


@dataclass(slots=True)
class LockNode:
    """One node. `urls` are those of all five, which endpoints.json tells as one entry."""

    state: StateDir
    name: str
    port: int
    password: str
    urls: str
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def endpoint(self) -> dict[str, str]:
        """The URLs of all nodes, with passwords, as ONHAND_LOCK_NODES has them."""
        return {"lock_nodes": self.urls}

    @property
    def _config(self) -> Path:
        return self.state.root / "locks" / f"{self.name}.conf"

    def prepare(self, report: Report) -> None:
        """Write the configuration, which holds the password, for its owner only."""
        configure(self._config, _CONFIG.format(port=self.port, password=self.password, data=self._config.parent))

    def command(self) -> Command:
        """The server in the foreground."""
        return server(self._config, REST_S)

    async def serving(self, child: subprocess.Popen[bytes]) -> None:
        """Wait until it listens."""
        await listening(self.port)


def lock_nodes(state: StateDir, ports: dict[str, int], password: str) -> list[LockNode]:
    """The five nodes at these ports (by name), with one password."""
    urls = ",".join(f"redis://:{password}@127.0.0.1:{ports[name]}/0" for name in NAMES)
    return [LockNode(state, name, ports[name], password, urls) for name in NAMES]
