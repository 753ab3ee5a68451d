"""Kafka's jars: fetched once per machine into the user's cache, and checked against the lock at every start."""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onhand.deploy.stack.errors import StackError

LOCK = Path(__file__).with_name("kafka.lock")
Progress = Callable[[int, int], None]
"""Called with bytes fetched so far and bytes to fetch."""

_TRIES = 4
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock."""

    coordinate: str
    sha256: str
    size_bytes: int

    @property
    def filename(self) -> str:
        """The name that Maven gives the file."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked_jars(lock: Path = LOCK) -> list[Jar]:
    """What the lock names, in its order."""
    rows = [line.split() for line in lock.read_text().splitlines() if line and not line.startswith("#")]
    return [Jar(coordinate, sha256, int(size)) for coordinate, sha256, size in rows]


def cache_dir() -> Path:
    """The user's cache directory for onhand."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onhand"


def ensure_jars(progress: Progress, jars: list[Jar] | None = None, cache: Path | None = None) -> list[Path]:
    """Paths of all jars, each with the bytes that the lock promises; what is missing or damaged is fetched.

    Several stacks that start at once fetch once; where nothing is missing nothing is written, so the cache may be
    read-only. Raises StackError if something cannot be had as the lock says.
    """
    jars = locked_jars() if jars is None else jars
    folder = (cache or cache_dir()) / "jars"
    try:
        if _missing(jars, folder):
            folder.mkdir(parents=True, exist_ok=True)
            with _one_at_a_time(folder):
                _fetch(_missing(jars, folder), folder, progress)
    except OSError as error:
        raise StackError(
            f"the cache of Kafka's jars, {folder}, cannot be used: {error.strerror}; XDG_CACHE_HOME moves it"
        ) from error
    return [folder / jar.filename for jar in jars]


def _missing(jars: list[Jar], folder: Path) -> list[Jar]:
    return [jar for jar in jars if _sha256(folder / jar.filename) != jar.sha256]


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(jars: list[Jar], folder: Path, progress: Progress) -> None:
    total, done, told = sum(jar.size_bytes for jar in jars), 0, 0

    def advance(bytes_count: int) -> None:
        nonlocal done, told
        done += bytes_count
        if done - told > total // 100 or done >= total:
            told = done
            progress(done, total)

    scratch = folder / "partial"  # ours alone: the lock is held; what a killed run left there is worth nothing
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(lambda jar: _fetch_one(jar, folder, scratch, advance), jars):
            pass
    shutil.rmtree(scratch)


def _fetch_one(jar: Jar, folder: Path, scratch: Path, advance: Callable[[int], None]) -> None:
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(2.0**attempt / 2)
        try:
            fetched = _download(jar, Path(tempfile.mkdtemp(dir=scratch)), advance)
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors; jgo's "not found" is a RuntimeError
            reason = type(error).__name__
            continue
        if _sha256(fetched) == jar.sha256:
            fetched.replace(folder / jar.filename)
            return
        reason = "its sha256 is not the one in kafka.lock"
    raise StackError(
        f"{jar.coordinate} could not be fetched from Maven Central ({reason}). The first start needs the network for "
        f"Kafka's jars (45 MB, once per machine, kept in {folder}); ONHAND_KAFKA=host:port uses another broker."
    )


def _download(jar: Jar, into: Path, advance: Callable[[int], None]) -> Path:
    """Fetch by jgo, which knows where Maven Central is and waits when it is told to slow down."""
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def counted(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield advance

    context = MavenContext(resolver=PythonResolver(progress_callback=counted), repo_cache=into, timeout=30)
    path = context.resolver.download(context.create_dependency(jar.coordinate).artifact)
    if path is None:
        raise RuntimeError("not found")
    return Path(path)
