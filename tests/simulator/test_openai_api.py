"""OpenAI's dialect over real sockets, also as its own client library reads it."""

import openai
import orjson
import pytest

from simulator import SimSettings
from simulator.openai_api import embed

MESSAGES = [{"role": "user", "content": "Explain tides"}]


@pytest.fixture
async def sim(start):
    return await start(SimSettings())


async def events(sim, body, path="/v1/chat/completions"):
    async with sim.session.post(sim.url + path, json={"stream": True, **body}) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        text = await response.text()
    assert text.endswith("data: [DONE]\n\n")
    return [orjson.loads(line.removeprefix("data: ")) for line in text.split("\n\n")[:-2]]


async def test_a_stream_and_a_whole_answer_say_the_same(sim):
    first, *deltas, last = await events(sim, {"messages": MESSAGES})
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert last["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert {event["object"] for event in (first, *deltas, last)} == {"chat.completion.chunk"}
    streamed = "".join(event["choices"][0]["delta"]["content"] for event in deltas)

    _, whole = await sim.post("/v1/chat/completions", {"messages": MESSAGES})
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": streamed}
    assert whole["usage"]["completion_tokens"] == len(deltas)


async def test_usage_comes_last_and_only_when_asked_for(sim):
    body = {"messages": MESSAGES, "stream_options": {"include_usage": True}}
    *others, usage = await events(sim, body)
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == usage["usage"]["prompt_tokens"] + len(others) - 2
    assert not any("usage" in event for event in await events(sim, {"messages": MESSAGES}))


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_max_tokens_ends_an_answer_with_length(sim, name):
    *_, last = await events(sim, {"messages": MESSAGES, name: 3})
    assert last["choices"][0]["finish_reason"] == "length"
    _, whole = await sim.post("/v1/chat/completions", {"messages": MESSAGES, name: 3})
    assert whole["usage"]["completion_tokens"] == 3


async def test_ignore_eos_forces_the_length(sim):
    body = {"messages": MESSAGES, "max_tokens": 777, "ignore_eos": True}
    _, whole = await sim.post("/v1/chat/completions", body)
    assert whole["usage"]["completion_tokens"] == 777


async def test_completions_stream_text(sim):
    chunks = await events(sim, {"prompt": "Explain tides"}, "/v1/completions")
    text = "".join(chunk["choices"][0]["text"] for chunk in chunks)
    _, whole = await sim.post("/v1/completions", {"prompt": "Explain tides"})
    assert whole["object"] == "text_completion"
    assert whole["choices"][0]["text"] == text


async def test_embeddings_are_deterministic_alike_for_like_texts_and_of_length_one(sim):
    body = {"model": "sim-small-1b", "input": ["red apples", "red apple pie", "네트워크"]}
    _, answer = await sim.post("/v1/embeddings", body)
    red, pie, other = (entry["embedding"] for entry in answer["data"])
    assert red == embed("red apples")
    assert sum(each * each for each in red) == pytest.approx(1)
    assert dot(red, pie) > dot(red, other)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body is not JSON: "),
        (b"[]", "the body must be a JSON object"),
        ({}, "messages must be a list with at least one message"),
        ({"messages": [{"content": "hi"}]}, "every message must be an object with a role"),
        ({"messages": MESSAGES, "max_tokens": 0}, "max_tokens must be a whole number of at least 1"),
        ({"messages": MESSAGES, "stream": "yes"}, "stream must be true or false"),
        ({"messages": MESSAGES, "model": 1}, "model is required and must be a string"),
        ({"messages": MESSAGES, "response_format": {"type": "xml"}},
         "response_format.type must be text, json_object or json_schema"),
    ],
)  # fmt: skip
async def test_a_body_that_makes_no_sense_is_a_400_that_says_why(sim, body, message):
    status, answer = await sim.post("/v1/chat/completions", body)
    assert status == 400
    assert answer["error"]["message"].startswith(message)
    assert answer["error"]["type"] == "invalid_request_error"


async def test_a_json_schema_gets_a_decision(sim):
    body = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "안녕"}]}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "d", "schema": {"type": "object"}}},
    }
    _, answer = await sim.post("/v1/chat/completions", body)
    assert orjson.loads(answer["choices"][0]["message"]["content"])["action"] == "direct"


async def test_openais_own_client_reads_everything(sim):
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/v1", api_key="none", max_retries=0) as client:
        assert [model.id async for model in client.models.list()] == ["sim-small-1b", "sim-large-32b"]
        stream = await client.chat.completions.create(
            model="sim-large-32b",
            messages=[{"role": "user", "content": "안녕"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        assert chunks[-1].usage is not None
        assert "시뮬레이터" in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        vectors = await client.embeddings.create(model="sim-small-1b", input="red apples")
        assert vectors.data[0].embedding == pytest.approx(embed("red apples"))
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(model="x", messages=[{"role": "user", "content": "hi"}])


def dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))
