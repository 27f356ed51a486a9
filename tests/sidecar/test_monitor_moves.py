"""The monitor while backends come, go and move, and when it is told to ask afresh."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from sidecar.engines.engine import Model
from sidecar.facts import (
    BackendRemoved,
    HealthProbed,
    InferenceProbed,
    ModelsListed,
    ProbeOutcome,
)
from sidecar.state import BackendState
from tests.fakes import backends as fakes
from tests.fakes.monitors import (
    RESTLESS,
    WITH_STATUS,
    always,
    never,
    no_pause,
    watched,
)

# Coming, going, moving.


async def test_reconciling_follows_the_store() -> None:
    async with watched(RESTLESS, sleep=no_pause) as here, AsyncExitStack() as stack:
        old, new, place = [await stack.enter_async_context(fakes.serving(fakes.healthy)) for _ in range(3)]
        here.add("old", old.url)
        async with here.monitor.running():
            await old.was_asked(3)
            here.store.apply(BackendRemoved(here.clock(), "old"))
            here.add("new", new.url)
            here.monitor.reconcile()
            await new.was_asked(3)
            here.add("new", place.url)
            here.monitor.reconcile()
            await place.was_asked(3)
            quiet = (len(old.asked), len(new.asked))
            await place.was_asked(len(place.asked) + 10)
            assert (len(old.asked), len(new.asked)) == quiet
            here.monitor.reconcile()
            watching = [task.get_name() for task in asyncio.all_tasks() if "watch" in task.get_name()]
            assert watching == ["watch new"]


async def test_a_task_ends_by_itself_once_its_backend_is_gone() -> None:
    async with watched() as here, fakes.serving(fakes.healthy) as fake:
        here.add("mini", fake.url)
        async with here.monitor.running():
            await here.clock.settled()
            [task] = [task for task in asyncio.all_tasks() if task.get_name() == "watch mini"]
            here.store.apply(BackendRemoved(0.0, "mini"))
            await here.clock.tick()
            await task


async def test_nothing_is_learnt_about_the_new_place_from_an_answer_of_the_old_one() -> None:
    go_on = asyncio.Event()

    async def late(line: str, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await WITH_STATUS(line, writer)

    async with watched() as here, fakes.serving(late) as old:
        here.add("mini", old.url, "status")
        here.store.apply(HealthProbed(0.0, "mini", ProbeOutcome.OK, 1.0))
        asking = asyncio.create_task(here.monitor.refresh(wants_probe=never))
        await old.was_asked(1)
        here.add("mini", "http://127.0.0.1:1", "status")
        go_on.set()
        await asking
        assert here.state() == BackendState(here.state().spec, engine="status")


@pytest.mark.parametrize("gone", [True, False])
async def test_a_backend_that_goes_while_it_is_asked_disturbs_nobody(gone: bool) -> None:
    go_on = asyncio.Event()

    async def late(line: str, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await fakes.healthy(line, writer)

    async with watched() as here, fakes.serving(late) as fake:
        here.add("mini", fake.url, "auto")
        async with here.monitor.running():
            await fake.was_asked(1)
            if gone:
                here.store.apply(BackendRemoved(0.0, "mini"))
            go_on.set()
            await here.clock.settled()
        assert ("mini" in here.store.snapshot(0.0).backends) is not gone


# By force.


async def test_a_refresh_asks_afresh_who_is_available_and_probes_as_it_is_told() -> None:
    async with watched() as here, fakes.serving(WITH_STATUS) as fake, fakes.serving(fakes.resetting) as down:
        here.add("mini", fake.url, "status", reasoner="gemma4")
        here.add("down", down.url, "status")
        async with here.monitor.running():
            await here.clock.settled(2)
            before = (len(fake.asked), len(down.asked))
            await here.monitor.refresh(wants_probe=always)
        assert fake.asked[before[0] :] == ["GET /status", "POST /v1/chat/completions"]
        assert len(down.asked) == before[1]
        assert here.state().good_inference_ms is not None


async def test_a_backend_that_goes_between_a_reading_and_a_probe_is_not_probed() -> None:
    async with watched() as here, fakes.serving(WITH_STATUS) as fake:
        here.add("mini", fake.url, "status", reasoner="gemma4")
        here.store.apply(HealthProbed(0.0, "mini", ProbeOutcome.OK, 1.0))
        here.store.apply(ModelsListed(0.0, "mini", (Model("gemma4", loaded=True),)))
        asking = asyncio.create_task(here.monitor.refresh(wants_probe=always))
        await fake.was_asked(1)
        here.store.apply(BackendRemoved(0.0, "mini"))
        await asking
        assert fake.posts == 0


async def test_a_failed_inference_probe_is_reported_as_such() -> None:
    async with (
        watched(wants_probe=always) as here,
        fakes.serving(fakes.answering({"GET /v1/models": fakes.MODELS})) as fake,
    ):
        seen: list[InferenceProbed] = []
        here.store.witness(lambda fact: seen.append(fact) if isinstance(fact, InferenceProbed) else None)
        here.add("mini", fake.url, reasoner="gemma4")
        async with here.monitor.running():
            await here.clock.settled()
        assert [fact.latency_ms < 0 for fact in seen] == [True]
