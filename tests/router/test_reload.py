"""Changes of a real file are noticed."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.config import Config
from router.config_load import load
from router.reload import ConfigWatch
from sidecar import ConfigInvalid

INTERVAL_SECONDS = 0.01
DEADLINE_SECONDS = 10.0


class Changes:
    """What a watch reports, one at a time."""

    def __init__(self, watch: ConfigWatch) -> None:
        self.watch = watch
        self._found: asyncio.Queue[Config | ConfigInvalid] = asyncio.Queue()

    async def run(self) -> None:
        await self.watch.run(self._found.put_nowait)

    async def next(self) -> Config | ConfigInvalid:
        return await asyncio.wait_for(self._found.get(), DEADLINE_SECONDS)

    def none_left(self) -> bool:
        return self._found.empty()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("router: {language: ko}\n")
    return path


@pytest.fixture
async def changes(path: Path) -> AsyncIterator[Changes]:
    found = Changes(ConfigWatch(path, interval_seconds=INTERVAL_SECONDS))
    task = asyncio.create_task(found.run())
    yield found
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def write(path: Path, text: str) -> None:
    """Writes over a file, as an editor may."""
    path.write_text(text)


def replace_unseen(path: Path, text: str) -> None:
    """Puts another file in the place of one; of the same time, so that only the inode tells."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    before = path.stat()
    os.utime(beside, ns=(before.st_atime_ns, before.st_mtime_ns))
    beside.replace(path)


def remove(path: Path) -> None:
    """Takes a file away."""
    path.unlink()


def language(found: Config | ConfigInvalid) -> str:
    assert isinstance(found, Config)
    return found.router.language


async def test_a_file_that_is_written_over_is_read_again(path: Path, changes: Changes) -> None:
    write(path, "router: {language: en}\n# longer\n")
    assert language(await changes.next()) == "en"


async def test_a_file_that_is_replaced_is_read_again(path: Path, changes: Changes) -> None:
    replace_unseen(path, "router: {language: en}\n")
    assert language(await changes.next()) == "en"


async def test_a_broken_file_is_reported_and_so_is_its_repair(path: Path, changes: Changes) -> None:
    write(path, "router: {language: kr}\n# broken\n")
    broken = await changes.next()
    assert isinstance(broken, ConfigInvalid)
    assert [problem.key for problem in broken.problems] == ["router.language"]
    write(path, "router: {language: en}\n# repaired\n")
    assert language(await changes.next()) == "en"


async def test_a_file_that_is_gone_is_reported_and_so_is_its_return(path: Path, changes: Changes) -> None:
    remove(path)
    gone = await changes.next()
    assert isinstance(gone, ConfigInvalid)
    assert [problem.found for problem in gone.problems] == ["no such file"]
    write(path, "router: {language: en}\n")
    assert language(await changes.next()) == "en"


async def test_a_poke_reads_a_file_that_has_not_changed(changes: Changes) -> None:
    changes.watch.poke()
    assert language(await changes.next()) == "ko"


async def test_a_poke_does_not_wait_for_the_interval(path: Path) -> None:
    found = Changes(ConfigWatch(path, interval_seconds=3600.0))
    task = asyncio.create_task(found.run())
    found.watch.poke()
    assert language(await found.next()) == "ko"
    task.cancel()


async def test_a_change_is_reported_once(path: Path) -> None:
    reads: list[Path] = []

    def counted(read_path: Path) -> Config:
        reads.append(read_path)
        return load(read_path)

    watch = ConfigWatch(path, interval_seconds=INTERVAL_SECONDS, read=counted)
    found = Changes(watch)
    task = asyncio.create_task(found.run())
    for text in ("en", "ko"):
        write(path, f"router: {{language: {text}}}\n# {text * len(reads)}\n")
        assert language(await found.next()) == text
    watch.poke()
    await found.next()
    assert found.none_left()
    assert reads == [path] * 3
    task.cancel()


def test_a_file_that_keeps_changing_is_left_alone_until_it_stands_still(path: Path) -> None:
    watch = ConfigWatch(path)
    settled = []
    for size in range(5):
        write(path, "#" * (size + 100))
        settled.append(watch._has_settled())
    settled.append(watch._has_settled())
    assert settled == [False] * 5 + [True]


async def test_a_change_before_the_first_look_is_not_lost(path: Path) -> None:
    found = Changes(ConfigWatch(path, interval_seconds=INTERVAL_SECONDS))
    write(path, "router: {language: en}\n# before anybody runs\n")
    task = asyncio.create_task(found.run())
    assert language(await found.next()) == "en"
    task.cancel()


async def test_a_watch_that_does_not_poll_reads_only_when_it_is_poked(path: Path) -> None:
    found = Changes(ConfigWatch(path, interval_seconds=INTERVAL_SECONDS))
    found.watch.polls = False
    path.write_text("router: {language: en}\n")
    found.watch.poke()
    task = asyncio.create_task(found.run())
    poked = await found.next()
    path.write_text("router: {language: ko}\n")
    settled = [found.watch._has_settled() for _ in range(3)]
    found.watch.poke()
    second = await found.next()
    task.cancel()
    assert isinstance(poked, Config)
    assert isinstance(second, Config)
    assert True in settled  # a polling watch would have read the file by itself
    assert (poked.router.language, second.router.language) == ("en", "ko")
    assert found._found.empty()


async def test_a_file_that_becomes_empty_is_a_save_that_failed_and_not_the_defaults(path: Path) -> None:
    found = Changes(ConfigWatch(path, interval_seconds=INTERVAL_SECONDS))
    task = asyncio.create_task(found.run())
    path.write_text("")
    changed = await found.next()
    task.cancel()
    assert isinstance(changed, ConfigInvalid)
    assert "an empty file" in str(changed)
