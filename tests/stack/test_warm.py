"""The archive of Kafka's classes: made once, and never needed."""

import os
import time
from pathlib import Path

import pytest

from onhand.deploy.stack import StackError
from onhand.deploy.stack.part import Part, Progress
from onhand.deploy.stack.state import StateDir
from onhand.deploy.stack.warm import _place, java_options


@pytest.fixture
def jars(tmp_path: Path) -> list[Path]:
    (tmp_path / "jars").mkdir()
    jar = tmp_path / "jars" / "a-1.jar"
    jar.write_bytes(b"jar")
    return [jar]


def test_an_archive_that_cannot_be_made_is_done_without_and_not_tried_again_soon(jars: list[Path]) -> None:
    asked: list[tuple[str, ...]] = []
    told: list[Progress] = []

    def broken(_: StateDir, options: tuple[str, ...]) -> Part:
        asked.append(options)
        raise StackError("no broker here")

    assert java_options(jars, broken, told.append) == ()
    assert java_options(jars, broken, told.append) == ()
    assert len(asked) == len(told) == 1
    assert asked[0][0].startswith("-XX:AOTCacheOutput=")

    long_ago = time.time() - 4_000
    os.utime(next((jars[0].parent.parent / "warm").glob("*.aot")), (long_ago, long_ago))
    assert java_options(jars, broken, told.append) == ()
    assert len(asked) == 2


def test_where_the_cache_is_read_only_an_archive_is_used_or_done_without(jars: list[Path]) -> None:
    def no_broker(_: StateDir, __: tuple[str, ...]) -> Part:
        raise AssertionError

    lock = jars[0].parent.parent / "warm" / "lock"
    lock.mkdir(parents=True)  # which not even root can open to write
    assert java_options(jars, no_broker, lambda _: None) == ()
    _place(jars).write_bytes(b"classes")
    assert java_options(jars, no_broker, lambda _: None)[0].startswith("-XX:AOTCache=")


def test_other_jars_get_another_archive_and_the_old_one_goes(jars: list[Path]) -> None:
    def broken(_: StateDir, __: tuple[str, ...]) -> Part:
        raise StackError("no broker here")

    folder = jars[0].parent.parent / "warm"
    java_options(jars, broken, lambda _: None)
    before = {path.name for path in folder.glob("*.aot")}
    jars[0].write_bytes(b"another jar")
    (folder / "tmp-of-a-killed-training").mkdir()
    java_options(jars, broken, lambda _: None)
    after = {path.name for path in folder.iterdir()} - {"lock"}
    assert len(after) == 1
    assert before.isdisjoint(after)


def test_an_archive_that_is_there_is_used(jars: list[Path]) -> None:
    def broken(_: StateDir, __: tuple[str, ...]) -> Part:
        raise StackError("no broker here")

    java_options(jars, broken, lambda _: None)
    archive = next((jars[0].parent.parent / "warm").glob("*.aot"))
    archive.write_bytes(b"classes")
    assert java_options(jars, broken, lambda _: None)[0] == f"-XX:AOTCache={archive}"
