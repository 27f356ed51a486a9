"""What hangs holds up nobody else."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from router.tools.threads import OneLook, in_own_thread

MANY = 64
"""More than the event loop has threads."""


@pytest.fixture
def end() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


async def test_what_the_work_gives_comes_back() -> None:
    assert await in_own_thread(lambda: 1 + 1) == 2


async def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise OSError("no such disk")

    with pytest.raises(OSError, match="no such disk"):
        await in_own_thread(work)


async def test_work_that_hangs_leaves_the_threads_of_the_event_loop_alone(end: threading.Event) -> None:
    hanging = [asyncio.create_task(in_own_thread(end.wait)) for _ in range(MANY)]
    async with asyncio.timeout(10):
        assert await asyncio.to_thread(lambda: "free") == "free"
    end.set()
    assert await asyncio.gather(*hanging) == [True] * MANY


async def test_who_is_cancelled_waits_no_longer(end: threading.Event) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await in_own_thread(end.wait)


async def test_a_disk_that_hangs_holds_one_thread_however_often_it_is_asked(end: threading.Event) -> None:
    looks = []

    def look() -> int:
        looks.append(threading.current_thread())
        end.wait()
        return len(looks)

    disks = OneLook(look)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await disks()
    waiting = asyncio.create_task(disks())
    await asyncio.sleep(0)
    end.set()
    assert await waiting == 1
    assert await disks() == 2
