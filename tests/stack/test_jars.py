"""Kafka's jars: fetched once, checked always. The network is played by the test."""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onhand.deploy.stack import StackError, jars
from onhand.deploy.stack.jars import Jar, ensure_jars, locked_jars

BYTES = {f"jar-{n}-1.0.jar": f"the bytes of jar {n}".encode() * 100 for n in range(6)}
JARS = [
    Jar(f"org.example:{name.removesuffix('-1.0.jar')}:1.0", hashlib.sha256(data).hexdigest(), len(data))
    for name, data in BYTES.items()
]


class Central:
    """Maven Central as the test wants it: `answer` makes of the true bytes what is sent."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[bytes, int], bytes] = lambda data, _: data
        self._lock = threading.Lock()

    def download(self, jar: Jar, into: Path, advance: Callable[[int], None]) -> Path:
        with self._lock:
            self.asked.append(jar.filename)
            before = self.asked.count(jar.filename) - 1
        data = self.answer(BYTES[jar.filename], before)
        advance(len(data))
        (into / jar.filename).write_bytes(data)
        return into / jar.filename


@pytest.fixture
def central(monkeypatch: pytest.MonkeyPatch) -> Central:
    played = Central()
    monkeypatch.setattr(jars, "_download", played.download)
    monkeypatch.setattr(jars.time, "sleep", lambda _: None)
    return played


def no_progress(done: int, total: int) -> None:
    assert 0 <= done <= total


def test_all_are_fetched_once_with_progress(central: Central, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    paths = ensure_jars(lambda done, total: told.append((done, total)), JARS, tmp_path)
    assert [path.read_bytes() for path in paths] == list(BYTES.values())
    assert told[-1] == (sum(map(len, BYTES.values())),) * 2
    ensure_jars(no_progress, JARS, tmp_path)
    assert sorted(central.asked) == sorted(BYTES)


def test_a_damaged_jar_is_fetched_again(central: Central, tmp_path: Path) -> None:
    damaged = ensure_jars(no_progress, JARS, tmp_path)[2]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    central.asked.clear()
    assert ensure_jars(no_progress, JARS, tmp_path)[2].read_bytes() == BYTES[damaged.name]
    assert central.asked == [damaged.name]


def test_what_an_interrupted_fetch_left_is_not_used(central: Central, tmp_path: Path) -> None:
    leftover = tmp_path / "jars" / "partial" / "tmpabc" / JARS[0].filename
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    assert ensure_jars(no_progress, JARS, tmp_path)[0].read_bytes() == BYTES[JARS[0].filename]
    assert not leftover.exists()


def test_a_short_answer_is_asked_for_again(central: Central, tmp_path: Path) -> None:
    central.answer = lambda data, before: data if before else data[:10]
    paths = ensure_jars(lambda _done, _total: None, JARS, tmp_path)
    assert [path.read_bytes() for path in paths] == list(BYTES.values())
    assert len(central.asked) == 2 * len(BYTES)


def test_a_false_jar_never_reaches_the_cache(central: Central, tmp_path: Path) -> None:
    central.answer = lambda data, _: b"x" * len(data)
    with pytest.raises(StackError, match=r"sha256 is not the one in kafka\.lock"):
        ensure_jars(lambda _done, _total: None, JARS, tmp_path)
    assert not list((tmp_path / "jars").glob("*.jar"))


def test_without_a_network_the_message_says_what_helps(central: Central, tmp_path: Path) -> None:
    def no_network(data: bytes, before: int) -> bytes:
        raise ConnectionError("no route")

    central.answer = no_network
    with pytest.raises(StackError, match=r"Maven Central.*network.*ONHAND_KAFKA"):
        ensure_jars(no_progress, JARS, tmp_path)


def test_several_that_start_at_once_fetch_once(central: Central, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        for paths in pool.map(lambda _: ensure_jars(no_progress, JARS, tmp_path), range(4)):
            assert [path.read_bytes() for path in paths] == list(BYTES.values())
    assert sorted(central.asked) == sorted(BYTES)


def test_a_full_cache_may_be_read_only(central: Central, tmp_path: Path) -> None:
    paths = ensure_jars(no_progress, JARS, tmp_path)
    (tmp_path / "jars" / "lock").unlink()
    (tmp_path / "jars" / "lock").mkdir()  # which not even root can open to write
    assert ensure_jars(no_progress, JARS, tmp_path) == paths


def test_a_cache_that_cannot_be_written_is_named(central: Central, tmp_path: Path) -> None:
    (tmp_path / "jars").write_text("a file where the folder should be")
    with pytest.raises(StackError, match=r"jars, cannot be used: .*XDG_CACHE_HOME"):
        ensure_jars(no_progress, JARS, tmp_path)


def test_the_lock_names_kafka_and_a_logging_binding() -> None:
    names = {jar.coordinate.rsplit(":", 1)[0] for jar in locked_jars()}
    assert {"org.apache.kafka:kafka_2.13", "org.slf4j:slf4j-api", "org.slf4j:slf4j-simple"} <= names
    assert all(len(jar.sha256) == 64 and jar.size_bytes > 0 for jar in locked_jars())
