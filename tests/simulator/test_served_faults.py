"""Each fault, as a client meets it."""

import asyncio

import aiohttp
import orjson
import pytest

from simulator import Engine, Profile, SimSettings, parse_fault

QUESTION = {"messages": [{"role": "user", "content": "Explain tides"}]}
CHAT = "/v1/chat/completions"
STEADY = Profile(0.002, 0.0, 0.0, 0.0, 512, 8, 10_000)


@pytest.fixture
async def sim(start):
    return await start(SimSettings(engine=Engine.STATUS, profile=STEADY))


async def stream(sim, path=CHAT, body=QUESTION):
    async with sim.session.post(sim.url + path, json={"stream": True, **body}) as response:
        return await response.text()


async def test_faults_can_be_seen_changed_and_taken_away(sim):
    await sim.put_faults({"slow": {"factor": 2}})
    assert await sim.get("/sim/faults") == (200, {"slow": {"factor": 2}})
    assert (await sim.state())["faults"] == {"slow": {"factor": 2}}
    async with sim.session.delete(f"{sim.url}/sim/faults") as response:
        assert response.status == 200
    assert await sim.get("/sim/faults") == (200, {})


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"fire": {}}', b'{"slow": {"factor": -1}}'])
async def test_a_wrong_fault_is_refused_and_changes_nothing(sim, body):
    await sim.put_faults({"loading": {}})
    async with sim.session.put(f"{sim.url}/sim/faults", data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]
    assert await sim.get("/sim/faults") == (200, {"loading": {}})


async def test_stall_holds_the_tokens_back_until_it_ends_and_health_stays_cheerful(sim):
    await sim.put_faults({"stall": {}})
    task = asyncio.create_task(stream(sim))
    await sim.until(lambda state: state["waiting"] + state["running"] == 1)
    assert (await sim.get("/status"))[0] == 200
    assert (await sim.state())["totals"]["output_tokens"] == 0
    assert not task.done()
    await sim.put_faults({})
    assert (await task).endswith("data: [DONE]\n\n")


async def test_a_stall_with_seconds_ends_of_itself(sim):
    await sim.put_faults({"stall": {"seconds": 0.05}})
    assert (await stream(sim)).endswith("data: [DONE]\n\n")


async def test_slow_makes_steps_longer(start):
    sim = await start(SimSettings(engine=Engine.LLAMACPP, profile=STEADY))
    await sim.put_faults({"slow": {"factor": 10}})
    _, answer = await sim.post(CHAT, {**QUESTION, "max_tokens": 10})
    # Nine steps of 20 ms on the machine's own clock, whatever the clock of this machine says.
    assert answer["timings"]["predicted_ms"] == pytest.approx(9 * 20)


async def test_flap_resets_streams_and_answers_500_while_down(sim):
    await sim.put_faults({"flap": {"up_seconds": 0.2, "down_seconds": 1000}})
    with pytest.raises(aiohttp.ClientError):
        await stream(sim, body={"messages": [{"role": "user", "content": "[[tokens=5000]]"}]})
    assert (await sim.get("/v1/models"))[0] == 500
    assert (await sim.post(CHAT, QUESTION))[0] == 500
    state = await sim.state()
    assert (state["running"], state["totals"]["broken"]) == (0, 1)


async def test_error_500_fails_its_ratio_of_the_requests(sim):
    await sim.put_faults({"error_500": {"ratio": 0.5}})
    statuses = [(await sim.post(CHAT, {**QUESTION, "max_tokens": 1}))[0] for _ in range(40)]
    assert set(statuses) == {200, 500}
    assert (await sim.get("/status"))[0] == 200
    await sim.put_faults({"error_500": {}})
    assert (await sim.post(CHAT, QUESTION))[0] == 500


async def test_rate_limit_says_when_to_come_back(sim):
    await sim.put_faults({"rate_limit": {"retry_after_seconds": 7}})
    async with sim.session.post(sim.url + CHAT, json=QUESTION) as response:
        assert response.status == 429
        assert response.headers["Retry-After"] == "7"
        assert (await response.json())["error"]["type"] == "rate_limit_error"
    assert (await sim.get("/v1/models"))[0] == 200


async def test_a_rate_limit_with_a_rate_takes_its_burst_and_refuses_what_comes_on_top(sim):
    await sim.put_faults({"rate_limit": {"per_second": 0.001, "burst": 2}})
    assert [(await sim.post(CHAT, QUESTION))[0] for _ in range(3)] == [200, 200, 429]


async def test_cut_befalls_a_part_of_the_questions_and_the_same_ones_each_time(sim):
    await sim.put_faults({"cut": {"after_tokens": 1, "how": "end", "ratio": 0.5}})
    bodies = [{"messages": [{"role": "user", "content": f"Explain tide {number}"}]} for number in range(20)]
    first, second = [[(await stream(sim, body=body)).endswith("[DONE]\n\n") for body in bodies] for _ in range(2)]
    assert first == second
    assert set(first) == {True, False}


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_cut_breaks_the_stream_after_some_tokens(sim, how, caplog):
    await sim.put_faults({"cut": {"after_tokens": 3, "how": how}})
    received = b""
    with pytest.raises(aiohttp.ClientError) as caught:  # noqa: PT012  what came before the break counts
        async with sim.session.post(sim.url + CHAT, json={"stream": True, **QUESTION}) as response:
            async for piece in response.content.iter_any():
                received += piece
    assert ("reset by peer" in str(caught.value)) is (how == "reset")
    # A reset may overtake what was sent before it; an orderly close may not.
    assert received.count(b'"content"') in ((4,) if how == "close" else range(5))
    await sim.until(lambda state: state["running"] == 0)
    assert not caplog.records


async def test_cut_can_end_a_body_well_but_without_its_end_marker(sim):
    await sim.put_faults({"cut": {"after_tokens": 3, "how": "end"}})
    text = await stream(sim)
    assert text.count('"content"') == 4
    assert "[DONE]" not in text
    assert '"finish_reason":"stop"' not in text


async def test_cut_breaks_an_answer_that_is_not_streamed(sim):
    await sim.put_faults({"cut": {"how": "close"}})
    with pytest.raises(aiohttp.ClientError):
        await sim.post(CHAT, QUESTION)
    await sim.put_faults({"cut": {"how": "end"}})
    status, text = await sim.post(CHAT, QUESTION)
    assert status == 200
    assert isinstance(text, str)


async def test_an_answer_shorter_than_the_cut_is_whole(sim):
    await sim.put_faults({"cut": {"after_tokens": 1000, "how": "end"}})
    assert (await stream(sim)).endswith("data: [DONE]\n\n")
    assert (await sim.post(CHAT, QUESTION))[1]["choices"][0]["finish_reason"] == "stop"


async def test_garbage_in_chunks_is_no_json(sim):
    await sim.put_faults({"garbage": {}})
    second = (await stream(sim)).split("\n\n")[1]
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(second.removeprefix("data: "))
    assert isinstance((await sim.post(CHAT, QUESTION))[1], str)


async def test_garbage_html_is_a_cheerful_200(sim):
    await sim.put_faults({"garbage": {"where": "html"}})
    for status, text in (await sim.post(CHAT, QUESTION), await sim.get("/v1/models")):
        assert status == 200
        assert text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("engine", "path", "lie"),
    [
        (Engine.STATUS, "/status", '"active_jobs":42'),
        (Engine.VLLM, "/metrics", 'num_requests_running{engine="0",model_name="sim-small-1b"} 42'),
        (Engine.LLAMACPP, "/metrics", "requests_processing 42"),
    ],
)
async def test_a_lying_status_lies_on_every_endpoint_and_the_state_does_not(start, engine, path, lie):
    sim = await start(SimSettings(engine=engine))
    await sim.put_faults({"lying_status": {"active_jobs": 42}})
    async with sim.session.get(sim.url + path) as response:
        assert lie in await response.text()
    assert (await sim.state())["running"] == 0


async def test_who_lies_about_its_load_says_that_its_cache_is_empty(start):
    sim = await start(SimSettings(engine=Engine.VLLM, profile=STEADY))
    await sim.put_faults({"lying_status": {}})
    question = {"messages": [{"role": "user", "content": "[[tokens=100000]]"}]}
    task = asyncio.create_task(stream(sim, body=question))
    await sim.until(lambda state: state["kv_usage_ratio"] > 0)
    assert 'kv_cache_usage_perc{engine="0",model_name="sim-small-1b"} 0.0\n' in (await sim.get("/metrics"))[1]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_slow_health_delays_what_tells_and_not_what_generates(sim):
    await sim.put_faults({"slow_health": {"delay_seconds": 1000}})
    health = asyncio.create_task(sim.get("/status"))
    assert (await sim.post(CHAT, QUESTION))[0] == 200
    assert not health.done()
    health.cancel()
    with pytest.raises(asyncio.CancelledError):
        await health


async def test_loading_is_a_503_in_llamacpps_words(start):
    sim = await start(SimSettings(engine=Engine.LLAMACPP, faults=(parse_fault("loading"),)))
    expected = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    assert await sim.get("/health") == (503, expected)
    assert await sim.post(CHAT, QUESTION) == (503, expected)
