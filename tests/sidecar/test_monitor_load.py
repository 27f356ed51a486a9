"""Loading a model in the background: what is asked, what becomes of it, and what is said when it fails."""

import asyncio
import logging
from contextlib import suppress

import pytest

from sidecar.engines import ENGINES
from sidecar.engines.engine import Model, ModelKind
from tests.fakes import backends as fakes
from tests.fakes.monitors import Watched, watched

TAGS = {"models": [{"name": "gemma4:12b"}, {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}}]}
COLD = {
    "GET /api/version": {"version": "0.31.2"},
    "GET /api/tags": TAGS,
    "GET /api/ps": {"models": []},
}
WARM = {**COLD, "GET /api/ps": {"models": [{"name": "gemma4:12b"}]}, "POST /api/generate": {"done": True}}


async def seen(here: Watched, url: str, engine: str = "ollama") -> None:
    here.add("mini", url, engine)
    async with here.monitor.running():
        await here.clock.settled()
    assert here.state().models


async def test_a_model_is_loaded_and_the_next_list_is_asked_for_at_once() -> None:
    async with watched() as here, fakes.serving(fakes.answering(COLD)) as fake:
        await seen(here, fake.url)
        fake.behaviour = fakes.answering(WARM)
        fake.asked.clear()
        await here.monitor.load("mini", "gemma4:12b")
        assert fake.asked == ["POST /api/generate", "GET /api/tags", "GET /api/ps"]
        state = here.state()
    assert [model.loaded for model in state.models or ()] == [True, False]
    assert state.forecast("gemma4:12b").cold_starts == 1


async def test_one_at_a_time_on_each_backend() -> None:
    async with watched() as here, fakes.serving(fakes.answering(COLD)) as fake:
        await seen(here, fake.url)
        fake.behaviour = fakes.hanging()
        fake.asked.clear()
        loading = asyncio.create_task(here.monitor.load("mini", "gemma4:12b"))
        await fake.was_asked(1)
        await here.monitor.load("mini", "gemma4:12b")
        assert (fake.asked, here.state().memory.asked) == (["POST /api/generate"], "gemma4:12b")
        loading.cancel()
        with suppress(asyncio.CancelledError):
            await loading
        assert here.state().memory.asked is None


async def test_what_cannot_be_loaded_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async with watched() as here, fakes.serving(fakes.answering(COLD)) as fake:
        await seen(here, fake.url)
        with caplog.at_level(logging.WARNING):
            await here.monitor.load("mini", "gemma4:12b")
            await here.monitor.load("mini", "gemma4:12b")
        assert [record.getMessage() for record in caplog.records] == [
            "not loaded backend=mini model=gemma4:12b found=HTTP 404"
        ]
        assert here.state().memory.loading_since == {}


@pytest.mark.parametrize(("name", "model"), [("mini", "unheard-of"), ("nobody", "gemma4:12b")])
async def test_what_is_not_listed_is_not_asked_for(name: str, model: str) -> None:
    async with watched() as here, fakes.serving(fakes.answering(WARM)) as fake:
        await seen(here, fake.url)
        await here.monitor.load(name, model)
        assert fake.posts == 0


async def test_an_engine_that_cannot_be_asked_to_is_not() -> None:
    async with watched() as here, fakes.serving(fakes.answering(fakes.OPENAI)) as fake:
        await seen(here, fake.url, "openai")
        await here.monitor.load("mini", "gemma4")
        assert fake.posts == 0


def test_no_way_of_loading_names_how_long_a_model_stays() -> None:
    asked = {
        (name, kind): ask
        for name, engine in ENGINES.items()
        for kind in ModelKind
        if (ask := engine.load(Model("a", kind))) is not None
    }
    assert {(name, str(kind), str(ask), ask.body) for (name, kind), ask in asked.items()} == {
        ("ollama", "chat", "POST /api/generate", b'{"model":"a"}'),
        ("ollama", "embedding", "POST /api/embed", b'{"model":"a"}'),
        ("llamacpp", "chat", "POST /models/load", b'{"model":"a"}'),
        ("llamacpp", "embedding", "POST /models/load", b'{"model":"a"}'),
    }
