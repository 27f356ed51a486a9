"""Each engine has the endpoints of its real counterpart, in their shapes, and nobody else's."""

import pytest

from simulator import Engine, SimSettings
from simulator.app import ROUTES

ALL_GETS = sorted({path for routes in ROUTES.values() for method, path in routes if method == "GET"})
QUESTION = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("engine", Engine)
async def test_an_engine_answers_its_own_paths_and_404_on_the_others(start, engine):
    sim = await start(SimSettings(engine=engine))
    for path in ALL_GETS:
        status, _ = await sim.get(path)
        missing = 200 if engine is Engine.LMSTUDIO else 404  # LM Studio says in the body that it misses a path
        assert status == (200 if ("GET", path) in ROUTES[engine] else missing), path
    status, _ = await sim.post("/api/chat", {"model": "sim-small-1b", **QUESTION})
    assert status == (200 if engine in (Engine.OLLAMA, Engine.LMSTUDIO) else 404)


@pytest.mark.parametrize(
    ("engine", "header", "owner"),
    [
        (Engine.VLLM, "uvicorn", "vllm"),
        (Engine.LLAMACPP, "llama.cpp", "llamacpp"),
        (Engine.OLLAMA, None, "library"),
        (Engine.MLX, "BaseHTTP/0.6 Python/3.12.11", None),
        (Engine.SGLANG, "uvicorn", "sglang"),
        (Engine.LMSTUDIO, None, "organization_owner"),
    ],
)
async def test_an_engine_shows_its_own_face(start, engine, header, owner):
    sim = await start(SimSettings(engine=engine, models=("b-7b", "a-1b")))
    async with sim.session.get(f"{sim.url}/v1/models") as response:
        document = await response.json()
        assert response.headers.get("Server") == header
    assert document["object"] == "list"
    assert [entry["id"] for entry in document["data"]] == ["b-7b", "a-1b"]
    assert [entry.get("owned_by") for entry in document["data"]] == [owner, owner]


async def test_vllm_tells_running_and_waiting_with_its_labels(start):
    sim = await start(SimSettings(engine=Engine.VLLM, models=("m-8b",), preset="demo", slots=1))
    assert await sim.get("/health") == (200, "")
    assert (await sim.get("/version"))[1]["version"]
    url = f"{sim.url}/v1/chat/completions"
    async with sim.session.post(url, json=long_stream()), sim.session.post(url, json=long_stream()):
        await sim.until(lambda state: state["running"] == state["waiting"] == 1)
        _, text = await sim.get("/metrics")
    labels = '{engine="0",model_name="m-8b"}'
    assert f"\nvllm:num_requests_running{labels} 1\n" in text
    assert f"\nvllm:num_requests_waiting{labels} 1\n" in text
    assert f"\nvllm:kv_cache_usage_perc{labels} 0.0" in text


async def test_llamacpp_tells_its_slots(start):
    sim = await start(SimSettings(engine=Engine.LLAMACPP, preset="demo", slots=2))
    assert await sim.get("/health") == (200, {"status": "ok"})
    assert (await sim.get("/props"))[1]["total_slots"] == 2
    async with sim.session.post(f"{sim.url}/v1/chat/completions", json=long_stream()):
        await sim.until(lambda state: state["running"] == 1)
        _, slots = await sim.get("/slots")
        _, text = await sim.get("/metrics")
    assert [slot["is_processing"] for slot in slots] == [True, False]
    assert "\nllamacpp:requests_processing 1\n" in text
    assert "\nllamacpp:requests_deferred 0\n" in text


async def test_sglang_tells_its_loads(start):
    sim = await start(SimSettings(engine=Engine.SGLANG, preset="demo", slots=1))
    url = f"{sim.url}/v1/chat/completions"
    async with sim.session.post(url, json=long_stream()), sim.session.post(url, json=long_stream()):
        await sim.until(lambda state: state["running"] == state["waiting"] == 1)
        _, document = await sim.get("/v1/loads?include=core")
    (rank,) = document["loads"]
    assert (rank["num_running_reqs"], rank["num_waiting_reqs"], rank["max_running_requests"]) == (1, 1, 1)
    assert rank["max_total_num_tokens"] > 0


async def test_lm_studio_tells_what_is_in_memory_and_misses_paths_in_its_own_way(start):
    sim = await start(SimSettings(engine=Engine.LMSTUDIO, models=("a-1b", "b-7b"), cold_start_seconds=0.01, slots=3))
    await sim.post("/v1/chat/completions", {"model": "b-7b", **QUESTION})
    _, newer = await sim.get("/api/v1/models")
    assert [[one["config"]["parallel"] for one in model["loaded_instances"]] for model in newer["models"]] == [[], [3]]
    assert [model["params_string"] for model in newer["models"]] == ["1B", "7B"]
    _, older = await sim.get("/api/v0/models")
    assert [model["state"] for model in older["data"]] == ["not-loaded", "loaded"]
    assert await sim.get("/nowhere") == (200, {"error": "Unexpected endpoint or method. (GET /nowhere)"})


async def test_tgi_tells_its_batch_and_its_queue_and_says_when_it_is_full(start):
    sim = await start(SimSettings(engine=Engine.TGI, models=("m-8b",), preset="demo", slots=1, max_queue=1))
    assert (await sim.get("/info"))[1]["model_id"] == "m-8b"
    url = f"{sim.url}/v1/chat/completions"
    async with sim.session.post(url, json=long_stream()), sim.session.post(url, json=long_stream()):
        await sim.until(lambda state: state["running"] == state["waiting"] == 1)
        _, text = await sim.get("/metrics")
        full = await sim.post("/v1/chat/completions", QUESTION)
    assert "\ntgi_batch_current_size 1\n" in text
    assert "\ntgi_queue_size 1\n" in text
    assert full == (429, {"error": "Model is overloaded", "error_type": "overloaded"})


@pytest.mark.parametrize(
    ("layout", "report"),
    [
        ("JSON", 'JSON {"named_metrics": {"num_requests_waiting": 0.0, "kv_cache_usage_perc": 0.0'),
        ("text", "TEXT named_metrics.num_requests_waiting=0.0, named_metrics.kv_cache_usage_perc=0.0"),
        ("BIN", None),
    ],
)
async def test_vllm_tells_its_load_beside_whole_answers_that_ask_for_it(start, layout, report):
    sim = await start(SimSettings(engine=Engine.VLLM))
    url, headers = f"{sim.url}/v1/chat/completions", {"endpoint-load-metrics-format": layout}
    async with sim.session.post(url, json=QUESTION, headers=headers) as response:
        told = response.headers.get("endpoint-load-metrics")
    assert told == report if report is None else told.startswith(report)
    async with sim.session.post(url, json={"stream": True, **QUESTION}, headers=headers) as response:
        assert "endpoint-load-metrics" not in response.headers
    async with sim.session.post(url, json=QUESTION) as response:
        assert "endpoint-load-metrics" not in response.headers


async def test_llamacpp_takes_any_model_and_the_others_refuse_an_unknown_one(start):
    body = {"model": "stranger", **QUESTION}
    llamacpp = await start(SimSettings(engine=Engine.LLAMACPP))
    status, answer = await llamacpp.post("/v1/chat/completions", body)
    assert (status, answer["model"]) == (200, "stranger")

    vllm = await start(SimSettings(engine=Engine.VLLM))
    assert await vllm.post("/v1/chat/completions", body) == (
        404,
        {
            "error": {
                "message": "The model `stranger` does not exist.",
                "type": "NotFoundError",
                "param": None,
                "code": 404,
            }
        },
    )
    ollama = await start(SimSettings(engine=Engine.OLLAMA))
    assert await ollama.post("/api/chat", body) == (404, {"error": "model 'stranger' not found"})


async def test_the_status_engine_counts_jobs_and_requests(start):
    sim = await start(SimSettings(engine=Engine.STATUS))
    assert await sim.get("/status") == (200, {"active_jobs": 0, "total_requests": 0})
    await sim.post("/v1/chat/completions", QUESTION)
    assert await sim.get("/status") == (200, {"active_jobs": 0, "total_requests": 1})


async def test_mlx_comments_while_it_prefills_and_ends_with_the_connection(start):
    sim = await start(SimSettings(engine=Engine.MLX))
    body = {"stream": True, "stream_options": {"include_usage": True}, **QUESTION}
    async with sim.session.post(f"{sim.url}/v1/chat/completions", json=body) as response:
        assert "Transfer-Encoding" not in response.headers
        assert "Content-Length" not in response.headers
        assert response.headers["Connection"] == "close"
        text = await response.text()
    assert text.startswith(": keepalive 0/1\n\ndata: {")
    assert '"object": "chat.completion", "choices": [], "usage"' in text
    assert text.endswith("data: [DONE]\n\n")


async def test_mlx_ignores_response_format(start):
    sim = await start(SimSettings(engine=Engine.MLX))
    _, answer = await sim.post("/v1/chat/completions", {**QUESTION, "response_format": {"type": "json_object"}})
    assert answer["choices"][0]["message"]["content"].startswith("(simulator)")


async def test_llamacpp_drops_the_connection_after_a_stream_that_announced_keep_alive(start):
    sim = await start(SimSettings(engine=Engine.LLAMACPP))
    async with sim.session.post(f"{sim.url}/v1/chat/completions", json={"stream": True, **QUESTION}) as response:
        assert response.headers.get("Connection") != "close"
        assert response.connection is not None
        transport = response.connection.transport
        text = await response.text()
    assert '"delta":{"role":"assistant","content":null}' in text
    assert '"timings":{' in text
    assert transport is not None
    await sim.until(lambda _: transport.is_closing())


def long_stream():
    return {"stream": True, "messages": [{"role": "user", "content": "hi [[tokens=5000]]"}]}
