"""The state directory: what one stack keeps between its runs, and who runs in it now."""

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onhand.deploy.stack.errors import Refused, StackError

_PORTS = range(
    20_000, 30_000
)  # below the ports that systems give to outgoing connections, so that a port is still free at the next start

_PASSWORDS = ("redis", "postgres", "lock_nodes")


@dataclass(frozen=True, slots=True)
class StateDir:
    """Paths and small files below one state directory. Files with secrets are readable by their owner only."""

    root: Path

    @classmethod
    def at(cls, root: Path | str) -> "StateDir":
        """The directory, made if it is not there; Refused if it cannot be."""
        path = Path(root).absolute()
        try:
            (path / "logs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"{path} cannot be a state directory: {error.strerror}") from error
        return cls(path)

    @property
    def endpoints(self) -> Path:
        """Where users read how to reach the running stack."""
        return self.root / "endpoints.json"

    @property
    def run(self) -> Path:
        """Who runs here: the supervisor and its children, for `down`, `status` and the next start."""
        return self.root / "run.json"

    def log(self, part: str) -> Path:
        """The log file of a part."""
        return self.root / "logs" / f"{part}.log"

    @property
    def logs(self) -> list[Path]:
        """The log files that there are."""
        return sorted((self.root / "logs").glob("*.log"))

    def secrets(self) -> dict[str, str]:
        """Passwords of the embedded servers and the key that signs onhand's own records, made once."""
        path = self.root / "secrets.json"
        kept: dict[str, str] = read_json(path) if path.exists() else {}
        if not kept.keys() >= {*_PASSWORDS, "secret"}:  # a new directory, or one of an older version
            made = {name: secrets.token_hex(24) for name in _PASSWORDS} | {"secret": f"k1:{secrets.token_hex(32)}"}
            kept = made | kept
            write_private(path, kept)
        return {str(name): str(value) for name, value in kept.items()}

    def ports(self, names: list[str], given: dict[str, int]) -> dict[str, int]:
        """A port for each name: the given one, else the one of the last start if it is still free, else a new one.

        Refused where a given one is taken: who listens there would be taken for the part.
        """
        if taken := [name for name in names if name in given and not port_free(given[name])]:
            raise Refused(f"port {given[taken[0]]}, given for {taken[0]}, is taken by another program")
        path = self.root / "ports.json"
        kept: dict[str, int] = read_json(path) if path.exists() else {}
        chosen = {name: given.get(name) or _kept_or_new(kept.get(name), set(kept.values())) for name in names}
        write_private(path, kept | chosen)
        return chosen

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Hold the directory for one supervisor.

        The system lets go of the lock when the holder dies, however it dies. Raises Refused if another one has it.
        """
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Refused(
                    f"a stack runs already in {self.root}; `onhand status` shows it, `onhand down` stops it"
                ) from None
            yield


def write_private(path: Path, value: Any, *, lasting: bool = True) -> None:
    """Write JSON that only the owner may read, whole or not at all; what is `lasting` outlives a loss of power.

    Refused where the disk does not take it.
    """
    try:
        _write(path, json.dumps(value, indent=1), lasting)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error


def _write(path: Path, text: str, lasting: bool) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{text}\n")
        if lasting:
            file.flush()
            os.fsync(file.fileno())
    fresh.replace(path)
    if not lasting:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_json(path: Path) -> Any:
    """Read a file of the state directory; StackError if it is not there or damaged."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise StackError(f"{path} cannot be read: {error}") from error


def port_free(port: int) -> bool:
    """True if a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _kept_or_new(kept: int | None, avoid: set[int]) -> int:
    if kept and port_free(kept):
        return kept
    while True:
        port = secrets.choice(_PORTS)
        if port not in avoid and port_free(port):
            avoid.add(port)
            return port
