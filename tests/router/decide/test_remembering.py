"""What was asked a moment ago, or is being asked, is not asked again."""

import asyncio

import pytest

from router.decide.remembering import Origin, Remembering


class Asked:
    """Something that is asked and answered when the test says so."""

    def __init__(self) -> None:
        self.times = 0
        self.cancelled = 0
        self.begun = asyncio.Event()
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.times += 1
        self.begun.set()
        try:
            return await asyncio.shield(self.answer)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class Clock:
    """Seconds, as the test sets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def both_wait(memory: Remembering[str], asked: Asked) -> tuple[asyncio.Task[object], asyncio.Task[object]]:
    """Two who ask the same; both wait when this returns."""
    first, second = (asyncio.create_task(memory.answer("k", asked)) for _ in range(2))
    await asked.begun.wait()
    return first, second


async def test_an_answer_is_remembered_for_its_time_and_then_made_anew() -> None:
    clock = Clock()
    memory: Remembering[str] = Remembering(clock, kept_seconds=30.0)
    asked = Asked()
    asked.answer.set_result("a")
    origins = []
    for now in (0.0, 29.9, 30.0):
        clock.now = now
        origins.append((await memory.answer("k", asked))[1])
    assert origins == [Origin.MADE, Origin.REMEMBERED, Origin.MADE]


async def test_no_more_are_kept_than_so_many_and_the_oldest_go() -> None:
    memory: Remembering[str] = Remembering(lambda: 0.0, most_kept=2)
    asked = Asked()
    asked.answer.set_result("a")
    origins = [(await memory.answer(key, asked))[1] for key in "abcba"]
    assert [str(origin) for origin in origins] == ["made", "made", "made", "remembered", "made"]


async def test_two_who_ask_at_once_share_one_answer() -> None:
    memory: Remembering[str] = Remembering(lambda: 0.0)
    asked = Asked()
    waiting = await both_wait(memory, asked)
    asked.answer.set_result("a")
    assert await asyncio.gather(*waiting) == [("a", Origin.MADE), ("a", Origin.SHARED)]
    assert asked.times == 1


@pytest.mark.parametrize("leaves", [0, 1])
async def test_who_leaves_takes_nothing_from_the_other(leaves: int) -> None:
    memory: Remembering[str] = Remembering(lambda: 0.0)
    asked = Asked()
    waiting = await both_wait(memory, asked)
    waiting[leaves].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[leaves]
    asked.answer.set_result("a")
    assert (await waiting[1 - leaves])[0] == "a"
    assert (asked.times, asked.cancelled) == (1, 0)


async def test_when_nobody_waits_any_more_nothing_goes_on_and_who_comes_later_begins_anew() -> None:
    memory: Remembering[str] = Remembering(lambda: 0.0)
    asked = Asked()
    waiting = await both_wait(memory, asked)
    for one in waiting:
        one.cancel()
    await asyncio.wait(waiting)
    assert (asked.times, asked.cancelled) == (1, 1)
    asked.answer.set_result("a")
    assert await memory.answer("k", asked) == ("a", Origin.MADE)


async def test_a_failure_is_shared_and_not_remembered() -> None:
    memory: Remembering[str] = Remembering(lambda: 0.0)
    asked = Asked()
    waiting = await both_wait(memory, asked)
    asked.answer.set_exception(LookupError("nobody"))
    failures = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(failure) for failure in failures] == [LookupError, LookupError]
    well = Asked()
    well.answer.set_result("a")
    assert await memory.answer("k", well) == ("a", Origin.MADE)
