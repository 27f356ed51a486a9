"""Waiting without silence."""

import asyncio

import pytest

from router.silence import filled
from tests.fakes.waiting import until


async def test_quiet_is_told_until_what_is_waited_for_comes() -> None:
    told: list[int] = []
    third = asyncio.Event()

    async def coming() -> str:
        await third.wait()
        return "here"

    async def quiet() -> None:
        told.append(len(told))
        if len(told) == 3:
            third.set()

    assert await filled(coming(), 0.001, quiet) == "here"
    assert told[:3] == [0, 1, 2]


async def test_what_fails_fails_here_too() -> None:
    async def coming() -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await filled(coming(), 1.0, asyncio.Event().wait)  # type: ignore[arg-type]


async def test_what_nobody_wants_any_more_is_cancelled_and_told_of() -> None:
    begun, abandoned = asyncio.Event(), []

    async def coming() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def never() -> None:
        raise AssertionError("it was not silent for so long")

    waiting = asyncio.create_task(filled(coming(), 60.0, never, abandoned.append))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: abandoned)
    assert abandoned[0].cancelled()
