import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.engines.detect import Identity
from sidecar.engines.engine import Reading
from sidecar.examination import Examination, examine
from sidecar.facts import BackendSpec, ProbeOutcome
from sidecar.health import Verdict
from sidecar.probe import Prober, probing_session
from tests.fakes import backends as fakes

LLAMACPP = {
    "GET /health": {"status": "ok"},
    "GET /v1/models": {"object": "list", "data": [{"id": "gemma4", "owned_by": "llamacpp"}]},
    "GET /props": {"total_slots": 4, "endpoint_metrics": False, "build_info": "b1"},
    "GET /slots": [{"is_processing": True}, {"is_processing": False}],
}


@pytest_asyncio.fixture
async def prober() -> AsyncIterator[Prober]:
    async with probing_session() as session:
        yield Prober(session, asyncio.get_running_loop().time)


def asked(found: Examination, purpose: str) -> list[str]:
    return [step.ask.path for step in found.steps if step.purpose == purpose]


async def test_the_questions_about_load_are_asked_to_their_end_as_the_monitor_asks_them(prober: Prober) -> None:
    async with fakes.serving(fakes.answering(LLAMACPP)) as fake:
        found = await examine(prober, BackendSpec("mini", fake.url))
    assert found.identity == Identity("llamacpp", "b1", "llama.cpp")
    assert (found.engine.name, found.outcome, found.health.available) == ("llamacpp", ProbeOutcome.OK, True)
    assert asked(found, "statistics") == ["/props", "/slots"]
    assert found.reading == Reading(running=1, slots=2)


async def test_a_list_of_models_that_makes_no_sense_does_not_hide_the_load(prober: Prober) -> None:
    pages = LLAMACPP | {"GET /v1/models": {"models": "none"}}
    async with fakes.serving(fakes.answering(pages)) as fake:
        found = await examine(prober, BackendSpec("mini", fake.url, "llamacpp"))
    assert found.models is None
    assert found.reading.running == 1
    assert asked(found, "reading") == ["/v1/models"]


async def test_nobody_is_asked_on_after_a_question_that_was_not_heard(prober: Prober) -> None:
    found = await examine(prober, BackendSpec("mini", f"http://127.0.0.1:{await fakes.unused_port()}"))
    assert [step.purpose for step in found.steps] == ["identity", "liveness", "models", "reading"]
    assert {step.probed.outcome for step in found.steps[:3]} == {ProbeOutcome.REFUSED}
    assert found.health.verdict is Verdict.DOWN


@pytest.mark.parametrize(("configured", "tried"), [({}, "gemma4"), ({"reasoner": "qwen"}, "qwen")])
async def test_one_token_comes_from_the_configured_model_or_one_that_writes_text(
    prober: Prober, configured: dict[str, str], tried: str
) -> None:
    bodies: list[dict[str, object]] = []

    async def models(_request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "bge-m3"}, {"id": "gemma4"}]})

    async def chat(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.json_response(fakes.SAID)

    app = web.Application()
    app.add_routes([web.get("/v1/models", models), web.post("/v1/chat/completions", chat)])
    async with TestServer(app) as server:
        spec = BackendSpec("mini", str(server.make_url("")).rstrip("/"), "openai", models=configured)
        found = await examine(prober, spec, inference=True)
        unasked = await examine(prober, spec)
    assert [body["model"] for body in bodies] == [tried]
    assert found.inference_ms is not None
    assert unasked.inference_ms is None
