"""OpenAI's dialect over real sockets, with the official client, unchanged."""

import asyncio
from collections.abc import AsyncIterator

import openai
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from simulator import SimSettings
from tests.fakes.echo import echo
from tests.fakes.routers import Maek, config_for, maek, maek_with_simulators
from tests.fakes.simulators import set_faults, sim_state
from tests.fakes.waiting import until

SIM = SimSettings()


@pytest.fixture
async def router() -> AsyncIterator[Maek]:
    async with maek_with_simulators(SIM) as (running, _):
        yield running


def client_for(router: Maek) -> openai.AsyncOpenAI:
    """The official client, without retries of its own: what a test sees, Maek did."""
    return openai.AsyncOpenAI(base_url=router.url + "/v1", api_key="unused", max_retries=0)


@pytest.mark.parametrize("model", ["auto", "reasoner", "sim-large-32b"])
async def test_the_official_client_chats_by_auto_by_role_and_by_model(router: Maek, model: str) -> None:
    async with client_for(router) as client:
        answer = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "양자역학 설명해줘"}]
        )
    assert answer.model == "sim-large-32b"
    assert (answer.choices[0].message.content or "").startswith("(시뮬레이터)")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0


@pytest.mark.parametrize("model", ["auto", "reasoner", "sim-large-32b"])
async def test_the_official_client_streams_the_same_text(router: Maek, model: str) -> None:
    question = [{"role": "user", "content": "양자역학 설명해줘"}]
    async with client_for(router) as client:
        whole = await client.chat.completions.create(model=model, messages=question)  # type: ignore[call-overload]
        stream = await client.chat.completions.create(model=model, messages=question, stream=True)  # type: ignore[call-overload]
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert len(pieces) > 3
    assert "".join(pieces) == whole.choices[0].message.content


async def test_auto_answers_small_talk_without_a_backend(router: Maek) -> None:
    async with client_for(router) as client:
        answer = await client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "안녕"}])
        stream = await client.chat.completions.create(
            model="auto", messages=[{"role": "user", "content": "안녕"}], stream=True
        )
        chunks = [chunk async for chunk in stream]
    assert "이드" in (answer.choices[0].message.content or "")
    assert chunks[0].choices[0].delta.content == answer.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert router.house.snapshot().backends["sim0"].work.started == 0


async def test_auto_leaves_callers_with_tools_of_their_own_to_the_model(router: Maek) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    body = {"model": "auto", "messages": [{"role": "user", "content": "안녕"}], "tools": [tool]}
    status, answer = await router.post("/v1/chat/completions", body)
    assert (status, answer["model"]) == (200, "sim-large-32b")


async def test_auto_leaves_a_message_that_is_too_long_for_a_decision_to_the_model() -> None:
    long = {"model": "auto", "messages": [{"role": "user", "content": "오늘 일정 알려줘"}]}
    async with echo(model="parrot") as (url, seen):
        spec = [{"name": "echo", "url": url, "models": {"reasoner": "parrot"}}]
        async with maek(config_for(spec, limits={"message_chars": 8})) as router:
            status, _ = await router.post("/v1/chat/completions", long)
    assert status == 200
    assert [message["role"] for message in seen[0]["messages"]] == ["system", "user"]


async def test_unknown_fields_and_role_defaults_reach_the_backend_and_the_callers_own_values_win() -> None:
    body = {
        "model": "reasoner",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.9,
        "seed": 7,
        "made_up": {"kept": True},
    }
    async with echo(model="parrot") as (url, seen):
        spec = [{"name": "echo", "url": url, "models": {"reasoner": "parrot"}}]
        async with maek(config_for(spec)) as router:
            status, _ = await router.post("/v1/chat/completions", body)
    assert status == 200
    assert seen == [{**body, "model": "parrot", "max_tokens": 16_000}]


async def test_the_list_of_models_names_auto_the_roles_and_every_backends_models(router: Maek) -> None:
    async with client_for(router) as client:
        listed = [model.id async for model in client.models.list()]
        one = await client.models.retrieve("sim-small-1b")
    assert listed == ["auto", "classifier", "reasoner", "sim-small-1b", "sim-large-32b"]
    assert one.owned_by == "sim0"


async def test_embeddings_and_completions_pass_through(router: Maek) -> None:
    async with client_for(router) as client:
        vectors = await client.embeddings.create(model="sim-small-1b", input=["하나", "둘"], encoding_format="float")
        text = await client.completions.create(model="sim-small-1b", prompt="Once upon a time")
    assert len(vectors.data) == 2
    assert text.choices[0].text


async def test_a_broken_stream_is_an_error_for_the_official_client_and_never_a_good_stop() -> None:
    async with maek_with_simulators(SIM) as (router, urls):
        await set_faults(router.client, urls[0], {"cut": {"after_tokens": 3, "how": "end"}})
        async with client_for(router) as client:
            stream = await client.chat.completions.create(
                model="reasoner", messages=[{"role": "user", "content": "hi there"}], stream=True
            )
            with pytest.raises(openai.APIError, match="before its end"):
                async for _ in stream:
                    pass
        finished = router.house.snapshot().backends["sim0"].work.finished
    assert {str(outcome): n for outcome, n in finished.items()} == {"truncated": 1}


async def test_a_full_backend_is_a_503_with_retry_after_and_not_a_failure_of_it() -> None:
    roles = {"reasoner": {"queue": {"most_wait_seconds": 1}}}
    async with maek_with_simulators(SIM, roles=roles) as (router, urls):
        await set_faults(router.client, urls[0], {"rate_limit": {"retry_after_seconds": 7}})
        body = {"model": "reasoner", "messages": [{"role": "user", "content": "hi"}]}
        async with router.client.post(router.url + "/v1/chat/completions", json=body) as response:
            answer = await response.json()
            retry_after = response.headers["retry-after"]
        verdict = router.house.snapshot().backends["sim0"].health.verdict
    assert (response.status, answer["error"]["code"], retry_after) == (503, "backend_rejected", "7")
    assert verdict == "up"


async def test_another_backend_takes_over_before_the_first_byte_and_the_headers_say_so() -> None:
    async with maek_with_simulators(SIM, SIM) as (router, urls):
        await set_faults(router.client, urls[0], {"error_500": {}})
        answers = await asyncio.gather(*(_headers(router) for _ in range(8)))  # at once: both get some
    assert {headers["x-maek-backend"] for headers in answers} == {"sim1"}
    assert "2" in {headers["x-maek-attempts"] for headers in answers}


async def _headers(router: Maek) -> dict[str, str]:
    body = {"model": "reasoner", "stream": True, "messages": [{"role": "user", "content": "hi there"}]}
    async with router.client.post(router.url + "/v1/chat/completions", json=body) as response:
        assert response.status == 200
        assert b"[DONE]" in await response.read()
        return dict(response.headers)


async def test_hanging_up_during_a_long_prefill_frees_the_backend() -> None:
    async with maek_with_simulators(SIM) as (router, urls):
        await set_faults(router.client, urls[0], {"stall": {}})
        body = {"model": "reasoner", "stream": True, "messages": [{"role": "user", "content": "hi there"}]}
        posting = router.client.post(router.url + "/v1/chat/completions", json=body)
        task = asyncio.create_task(posting.__aenter__())
        await until(lambda: router.in_flight() == 1)
        task.cancel()
        await until(lambda: router.in_flight() == 0)
        await set_faults(router.client, urls[0], {})
        state = await sim_state(router.client, urls[0])
    assert (state["running"], state["waiting"]) == (0, 0)


async def test_silence_before_the_first_token_is_filled_with_comments() -> None:
    async with maek_with_simulators(SIM, relay={"keepalive_seconds": 0.05}) as (router, urls):
        await set_faults(router.client, urls[0], {"stall": {}})
        body = {"model": "reasoner", "stream": True, "messages": [{"role": "user", "content": "hi there"}]}
        async with router.client.post(router.url + "/v1/chat/completions", json=body) as response:
            first = await response.content.readany()
            await set_faults(router.client, urls[0], {})
            rest = await response.read()
    assert first.startswith(b": keep-alive\n\n")
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_a_decision_can_be_looked_up_by_the_header_of_its_answer(router: Maek) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": "양자역학 설명해줘"}]}
    async with router.client.post(router.url + "/v1/chat/completions", json=body) as response:
        decision_id = response.headers["x-maek-decision"]
    status, record = await router.get(f"/decisions/{decision_id}")
    assert status == 200
    assert record["decision"]["action"] == "route"
    assert record["answering"]["attempts"][0]["outcome"] == "ok"
    assert "양자역학" not in orjson.dumps(record).decode()


async def test_a_failed_request_can_be_looked_up_by_its_header_too() -> None:
    async with maek_with_simulators(SIM) as (router, urls):
        await set_faults(router.client, urls[0], {"error_500": {}})
        body = {"model": "reasoner", "messages": [{"role": "user", "content": "hi"}]}
        async with router.client.post(router.url + "/v1/chat/completions", json=body) as response:
            headers = response.headers
        _, record = await router.get(f"/decisions/{headers['x-maek-decision']}")
    assert (response.status, headers["x-maek-backend"], headers["x-maek-attempts"]) == (502, "sim0", "1")
    assert record["error"] == "backend_failed"
    assert record["answering"]["attempts"][0]["outcome"] == "backend_error"


async def test_without_any_backend_up_the_error_says_what_to_do() -> None:
    dead = {"name": "dead", "url": "http://127.0.0.1:9", "models": {"reasoner": "m"}}
    async with maek(config_for([dead])) as router:
        body = {"model": "reasoner", "messages": [{"role": "user", "content": "hi"}]}
        status, answer = await router.post("/v1/chat/completions", body)
    assert (status, answer["error"]["code"], answer["error"]["type"]) == (503, "no_backend", "api_error")
    assert "dead is down" in answer["error"]["message"]


async def test_a_stream_is_kept_while_the_classifier_thinks() -> None:
    body = {"model": "auto", "stream": True, "messages": [{"role": "user", "content": UNSURE}]}
    async with maek_with_simulators(SIM, relay={"keepalive_seconds": 0.05}) as (router, urls):
        await set_faults(router.client, urls[0], {"stall": {}})
        async with router.client.post(router.url + "/v1/chat/completions", json=body) as response:
            first = await response.content.readany()
            await set_faults(router.client, urls[0], {})
            rest = await response.read()
        events = await _chat_while_stalled(router, urls[0])
    assert first.startswith(b": keep-alive\n\n")
    assert rest.endswith(b"data: [DONE]\n\n")
    assert events.startswith(b": keep-alive\n\n")
    assert b"event: done" in events


UNSURE = "I wonder whether my cat could learn chess"
UNSURE_TOO = "I wonder whether my dog could learn it as well"
"""No keyword rule is sure of them, so the classifier is asked; of each, since the first answer is remembered."""


async def _chat_while_stalled(router: Maek, url: str) -> bytes:
    await set_faults(router.client, url, {"stall": {}})
    async with router.client.post(router.url + "/chat", json={"message": UNSURE_TOO, "stream": True}) as response:
        first = await response.content.readany()
        await set_faults(router.client, url, {})
        return first + await response.read()


async def test_a_refusal_after_a_comment_is_an_error_event() -> None:
    async def refuse_late(request: web.Request) -> web.Response:
        await request.read()
        await late.wait()
        return web.json_response({"error": {"message": "too long"}}, status=400)

    async def one_model(_request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "m", "object": "model"}]})

    late = asyncio.Event()
    application = web.Application()
    application.add_routes([web.post("/v1/chat/completions", refuse_late), web.get("/v1/models", one_model)])
    async with TestServer(application) as server:
        spec = [{"name": "late", "url": str(server.make_url("")).rstrip("/"), "models": {"reasoner": "m"}}]
        async with maek(config_for(spec, relay={"keepalive_seconds": 0.05})) as router:
            body = {"model": "reasoner", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
            await until(lambda: router.house.snapshot().backends["late"].health_at is not None)
            async with router.client.post(router.url + "/v1/chat/completions", json=body) as response:
                first = await response.content.readany()
                late.set()
                rest = await response.read()
    assert first.startswith(b": keep-alive\n\n")
    assert b'"code":"bad_request"' in rest
    assert b"[DONE]" not in rest
