"""Ollama's own dialect over real sockets."""

import orjson
import pytest

from simulator import Engine, Profile, SimSettings

HELLO = {"model": "sim-small-1b", "messages": [{"role": "user", "content": "Explain tides"}]}
BRISK = Profile(0.001, 0.0, 0.0, 0.0, 512, 4, 10_000)


@pytest.fixture
async def sim(start):
    return await start(SimSettings(engine=Engine.OLLAMA))


async def lines(sim, path, body):
    async with sim.session.post(sim.url + path, json=body) as response:
        assert response.headers["Content-Type"] == "application/x-ndjson"
        return [orjson.loads(line) for line in (await response.text()).splitlines()]


async def test_it_says_that_it_runs(sim):
    assert await sim.get("/") == (200, "Ollama is running")


async def test_chat_streams_lines_by_default_and_ends_with_done(sim):
    *chunks, last = await lines(sim, "/api/chat", HELLO)
    assert all(chunk["done"] is False and chunk["message"]["role"] == "assistant" for chunk in chunks)
    assert (last["done"], last["done_reason"], last["message"]["content"]) == (True, "stop", "")
    assert last["eval_count"] == len(chunks)

    _, whole = await sim.post("/api/chat", {**HELLO, "stream": False})
    assert whole["message"]["content"] == "".join(chunk["message"]["content"] for chunk in chunks)


async def test_generate_streams_its_response(sim):
    body = {"model": "sim-small-1b:latest", "prompt": "Explain tides", "options": {"num_predict": 4}}
    *chunks, last = await lines(sim, "/api/generate", body)
    assert "".join(chunk["response"] for chunk in chunks) == "(simulator)"
    assert last["done_reason"] == "length"


async def test_a_format_gets_json(sim):
    body = {**HELLO, "stream": False, "format": {"type": "object", "properties": {}}}
    _, answer = await sim.post("/api/chat", body)
    assert orjson.loads(answer["message"]["content"]) == {"action": "route", "prompt": "Explain tides"}


async def test_embed_takes_one_text_or_many(sim):
    _, one = await sim.post("/api/embed", {"model": "sim-small-1b", "input": "red apples"})
    _, many = await sim.post("/api/embed", {"model": "sim-small-1b", "input": ["red apples", "tides"]})
    assert one["embeddings"][0] == many["embeddings"][0] != many["embeddings"][1]


async def test_tags_tell_sizes(sim):
    _, answer = await sim.get("/api/tags")
    small, large = answer["models"]
    assert (small["name"], small["details"]["parameter_size"]) == ("sim-small-1b", "1B")
    assert (large["name"], large["details"]["parameter_size"]) == ("sim-large-32b", "32B")
    assert large["size"] == 32 * small["size"] > 0


async def test_ps_lists_what_is_loaded_and_an_empty_request_loads_and_unloads(start):
    sim = await start(SimSettings(engine=Engine.OLLAMA, profile=BRISK, cold_start_seconds=0.01))
    assert (await sim.get("/api/ps"))[1] == {"models": []}
    _, answer = await sim.post("/api/generate", {"model": "sim-large-32b"})
    assert (answer["done"], answer["done_reason"]) == (True, "load")
    (loaded,) = (await sim.get("/api/ps"))[1]["models"]
    assert loaded["name"] == "sim-large-32b"
    assert loaded["size_vram"] > 0
    _, answer = await sim.post("/api/chat", {"model": "sim-large-32b", "messages": [], "keep_alive": 0})
    assert answer["done_reason"] == "unload"
    assert (await sim.get("/api/ps"))[1] == {"models": []}


async def test_an_idle_model_leaves_memory(start):
    sim = await start(
        SimSettings(engine=Engine.OLLAMA, profile=BRISK, cold_start_seconds=0.01, keep_alive_seconds=0.05)
    )
    await sim.post("/api/chat", {**HELLO, "stream": False})
    await sim.until(lambda state: state["resident"] == [])


async def test_a_full_queue_is_its_own_503(start):
    sim = await start(SimSettings(engine=Engine.OLLAMA, preset="demo", slots=1, max_queue=0))
    long = {"model": "sim-small-1b", "prompt": "hi [[tokens=5000]]"}
    async with sim.session.post(f"{sim.url}/api/generate", json=long):
        await sim.until(lambda state: state["running"] == 1)
        assert await sim.post("/api/chat", HELLO) == (
            503,
            {"error": "server busy, please try again.  maximum pending requests exceeded"},
        )
    assert (await sim.state())["totals"]["rejected"] == 1
