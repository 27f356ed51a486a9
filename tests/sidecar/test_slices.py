"""Long work in slices: others have their turn, and its time is counted."""

import asyncio
from collections.abc import Iterator

import pytest

from sidecar.slices import SLICE_SECONDS, Slices


class Clock:
    """Goes on by what a step takes."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def steps(self, *seconds: float) -> Iterator[float]:
        for took in seconds:
            self.now += took
            yield took


async def turns_during(work: "asyncio.Task[object]") -> int:
    """How often somebody else had a turn before it was done."""
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    return turns


async def test_everything_is_done_in_its_order() -> None:
    clock = Clock()
    assert await Slices(clock).all_of(clock.steps(0.1, 0.0, 0.2)) == [0.1, 0.0, 0.2]


async def test_others_have_a_turn_whenever_a_slice_is_over() -> None:
    clock = Clock()
    long, short = SLICE_SECONDS * 1.5, SLICE_SECONDS / 4
    many = asyncio.ensure_future(Slices(clock).all_of(clock.steps(*[long] * 7)))
    assert await turns_during(many) >= 7
    few = asyncio.ensure_future(Slices(clock).all_of(clock.steps(*[short] * 3)))
    assert await turns_during(few) <= 2


async def test_what_others_do_meanwhile_is_not_counted() -> None:
    clock = Clock()
    slices = Slices(clock)
    work = asyncio.ensure_future(slices.all_of(clock.steps(0.5, 0.25)))
    while not work.done():
        await asyncio.sleep(0)
        clock.now += 1000
    clock_at_the_end = slices.held_seconds % 1000
    assert clock_at_the_end == pytest.approx(0.75)
