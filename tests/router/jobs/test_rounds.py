"""Rounds go on whatever happens."""

import asyncio

import pytest

from router.jobs.database import JobStoreFailed
from router.jobs.rounds import again_and_again, came
from tests.fakes.waiting import until


async def test_rounds_go_on_after_trouble_that_was_foreseen_or_not(caplog: pytest.LogCaptureFixture) -> None:
    news = asyncio.Event()
    troubles: list[Exception] = [JobStoreFailed("disk full"), ZeroDivisionError()]
    rounds = 0

    async def one_round() -> float | None:
        nonlocal rounds
        rounds += 1
        if troubles:
            raise troubles.pop(0)
        return None

    task = asyncio.create_task(again_and_again(one_round, news, "jobs"))
    for wanted in (1, 2, 3, 4):
        await until(lambda wanted=wanted: rounds == wanted)  # type: ignore[misc]
        news.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "jobs stand still reason=disk full" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_news_ends_a_wait_and_its_want_does_too() -> None:
    news = asyncio.Event()
    assert not await came(news, 0.001)
    news.set()
    assert await came(news, 60.0)
