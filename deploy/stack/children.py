"""Processes: started so that they cannot outlive their supervisor, and recognised again after it was killed."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psutil

from onhand.deploy.stack.errors import StackError

_LAUNCH = Path(__file__).with_name("launch.py")
_LOG_LIMIT_BYTES = 64 * 1024 * 1024
_DEATH_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class User:
    """An account that a child may become."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run as a child. `orphan_signal` is what it gets when the supervisor dies.

    `rest_s`: when it has died, it stays away at least so long.
    """

    argv: list[str]
    env: dict[str, str]
    cwd: Path
    orphan_signal: signal.Signals
    user: User | None = None
    pass_fds: tuple[int, ...] = ()
    rest_s: float = 0.0


def spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """Start the child in a session of its own, so that Ctrl-C reaches the supervisor alone; its output goes to the log.

    Linux ties a child to the *thread* that started it: call this from a thread that lives as long as the child may.
    """
    user = command.user or User(-1, -1)
    words = [os.getpid(), int(command.orphan_signal), user.uid, user.gid]
    with open_log(log) as output:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCH), *map(str, words), *command.argv],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env=command.env, cwd=command.cwd, pass_fds=command.pass_fds, start_new_session=True,
        )  # fmt: skip


def run_once(command: Command, log: Path, what: str) -> None:
    """Run a child to its end; StackError with the end of its log if it fails."""
    start = log.stat().st_size if log.exists() else 0
    if spawn(command, log).wait() != 0:
        raise StackError(f"{what} failed:\n{tail(log, start)}")


def open_log(log: Path) -> BinaryIO:
    """The log, opened to append."""
    return log.open("ab")


def shorten(log: Path) -> None:
    """Put a long log aside as `.1` and empty it. Whoever writes goes on: the file stays, and is open to append."""
    if log.stat().st_size > _LOG_LIMIT_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def tail(log: Path, start: int = 0, lines: int = 15) -> str:
    """The last lines of a log, from a byte position on."""
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - 64 * 1024))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def unprivileged() -> User | None:
    """Whom a child that must not be root becomes; None if this process is not root anyway."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid:
            return User(entry.pw_uid, entry.pw_gid)
    raise StackError("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as")


def reaches(user: User | None, directory: Path) -> bool:
    """True if the user can enter the directory."""
    if user is None:
        return True
    enter = ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]
    tried = subprocess.run(enter, user=user.uid, group=user.gid, extra_groups=[], cwd="/", stderr=subprocess.DEVNULL)
    return tried.returncode == 0


def started_at(pid: int) -> str | None:
    """When the process started, in words that no other process with this pid will ever have; None if there is none."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if sys.platform != "linux":
            return str(process.create_time())
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


def end(processes: Iterable[tuple[int, str]], patience_s: float) -> None:
    """Ask processes (pid, start) to stop, wait, kill what is left. A pid that is another's by now is left alone."""
    alive = [(pid, start) for pid, start in processes if started_at(pid) == start]
    for number, within_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, _DEATH_WITHIN_S)):
        for pid, _ in alive:
            _signal(pid, number)
        until = time.monotonic() + within_s
        while alive and time.monotonic() < until:
            time.sleep(0.05)
            alive = [(pid, start) for pid, start in alive if started_at(pid) == start]


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it ended in between
        os.kill(pid, number)
