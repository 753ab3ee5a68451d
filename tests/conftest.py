"""The system under test: one per test run, started when the first test asks for it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing.util import get_temp_dir
from pathlib import Path

import psutil
import pytest

from onhand.deploy.stack import Stack
from tests.docker_servers import docker_servers

_ORDER = {"faults": "", "cli": "end_to_end, then"}
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 1024**3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """By folder: first the tests with limits of time and a stack of their own, while no other runs.

    Those of the command line, which write thousands of records, come after the audits: each decides the whole log again.
    """
    folders = {item: item.path.relative_to(Path(__file__).parent).parts[0] for item in items}
    items.sort(key=lambda item: _ORDER.get(folders[item], folders[item]))


@pytest.fixture(scope="session", autouse=True)
def quick_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Temporary folders, so those of all stacks, in memory: a disk that syncs and deletes slowly doubles the time of a run.

    Only where there is room. With TMPDIR set they are there; pytest's own, which it keeps, stay on the disk anyway.
    """
    tmp_path_factory.getbasetemp()  # chosen before, as multiprocessing's, which it deletes at the very end
    get_temp_dir()
    if "TMPDIR" in os.environ or not _has_room(_MEMORY):
        yield
        return
    prefix = "onhand-tests-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=_MEMORY) as folder, pytest.MonkeyPatch.context() as patch:
        os.chmod(folder, 0o755)
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


def _has_room(folder: Path) -> bool:
    """Also to run what Kafka unpacks in it."""
    if not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return min(shutil.disk_usage(folder).free, psutil.virtual_memory().available) > _ROOM_BYTES


@pytest.fixture(scope="session")
def system() -> Iterator[Stack]:
    """The whole system with two gate workers and a ledger worker: `system.endpoints`, `system.environment`, `system.state`.

    ONHAND_TEST_STACK=docker takes the servers from containers; ONHAND_KAFKA, ONHAND_REDIS, ONHAND_POSTGRES name others.
    """
    with fresh_directory() as directory, _servers() as env, Stack(directory, gates=2, base_env=env) as running:
        yield running


def _servers() -> AbstractContextManager[dict[str, str]]:
    return docker_servers() if os.environ.get("ONHAND_TEST_STACK") == "docker" else nullcontext(dict(os.environ))


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A state directory for one test, gone after it."""
    with fresh_directory() as directory:
        yield directory


@contextmanager
def fresh_directory() -> Iterator[Path]:
    """Unlike pytest's own folders open to everybody: PostgreSQL, which is somebody else if we are root, must enter."""
    with tempfile.TemporaryDirectory(prefix="onhand-test-") as name:
        os.chmod(name, 0o755)
        yield Path(name)
