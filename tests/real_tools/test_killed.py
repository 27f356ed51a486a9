"""A yes, and Maek killed at every step of carrying it out: one entry, however often one says yes."""

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.between import Between, between, passing
from tests.fakes.processes import Served, maek_serve
from tests.real_tools.radicale import PASSWORD, Radicale, radicale

pytestmark = pytest.mark.real

Step = Callable[[Served, Between, Path], Awaitable[None]]
CONFIG = """
sidecar: {{discover: false}}
router:
  listen: 127.0.0.1:0
  tools:
    calendar:
      kind: caldav
      accounts:
        ada: {{url: '{url}', username: ada, password: 'file:{folder}/password', everyone: true}}
"""


async def say(served: Served, message: str) -> str:
    """The text of the answer, in the one conversation of these tests."""
    async with aiohttp.ClientSession() as client:
        async with client.post(served.url + "/chat", json={"message": message, "session": "s1"}) as response:
            assert response.status == 200, await response.text()
            return str((await response.json())["text"])


async def killed(served: Served) -> None:
    """End it as a power cut would."""
    if served.process.returncode is None:
        served.process.kill()
    await served.process.wait()


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[tuple[Radicale, Between, list[str]]]:
    """A server, what stands before it, and the arguments of a Maek that uses it."""
    async with radicale(folder) as server, between(server.url) as proxy:
        await server.has_calendar("업무", "work")
        (folder / "password").write_text(PASSWORD)
        (folder / "config.yaml").write_text(CONFIG.format(url=proxy.url, folder=folder))
        yield server, proxy, ["-c", str(folder / "config.yaml")]


async def before_it_is_sent(served: Served, proxy: Between, _folder: Path) -> None:
    """Killed when the entry has left Maek and not reached the server."""

    async def before(method: str) -> bool:
        if method == "PUT":
            await killed(served)
        return method != "PUT"

    proxy.before = before
    await say(served, "응")


async def before_the_answer(served: Served, proxy: Between, _folder: Path) -> None:
    """Killed when the server has the entry and its answer is not there yet."""

    async def after(answer: str) -> bool:
        if answer == "PUT 201":
            await killed(served)
        return answer != "PUT 201"

    proxy.after = after
    await say(served, "응")


async def before_it_is_forgotten(served: Served, proxy: Between, folder: Path) -> None:
    """Killed when the answer is on its way or there, and the draft cannot have been forgotten."""
    sessions = sqlite3.connect(folder / "data" / "sessions.sqlite3", isolation_level=None)
    answered = asyncio.Event()

    async def after(answer: str) -> bool:
        if answer == "PUT 201":
            sessions.execute("BEGIN IMMEDIATE")  # whoever would write the draft away waits
            answered.set()
        return True

    proxy.after = after
    saying = asyncio.create_task(say(served, "응"))
    await answered.wait()
    await killed(served)
    sessions.close()
    await saying


async def after_all(served: Served, _proxy: Between, _folder: Path) -> None:
    """Killed when the user has been told."""
    assert "등록했어요" in await say(served, "응")
    await killed(served)


@pytest.mark.parametrize(
    ("step", "then"),
    [
        (before_it_is_sent, "등록했어요"),
        (before_the_answer, "등록했어요"),
        (before_it_is_forgotten, "등록했어요"),
        (after_all, ""),
    ],
)
async def test_killed_at_any_step_and_asked_again_there_is_one_entry(tmp_path: Path, step: Step, then: str) -> None:
    async with world(tmp_path) as (server, proxy, arguments):
        async with maek_serve(tmp_path, arguments) as served:
            assert "등록할까요?" in await say(served, "내일 3시 회의")
            with suppress(aiohttp.ClientError):
                await step(served, proxy, tmp_path)
            assert await served.process.wait() == -signal.SIGKILL
        proxy.before = proxy.after = passing
        async with maek_serve(tmp_path, arguments) as served:
            assert then in await say(served, "응")
            assert len(await server.objects("work")) == 1
            assert (await say(served, "내일 일정")).count("회의") == 1
            await say(served, "응")
        assert len(await server.objects("work")) == 1
