"""The real server does what the tests that stand on it need, and the engine's file reads it rightly."""

import aiohttp
import orjson
import pytest

from sidecar.engines import ENGINES, Answer, Ask, Liveness, detect
from tests.real.servers import RealServer

pytestmark = pytest.mark.real


async def ask(server: RealServer, question: Ask) -> Answer:
    async with (
        aiohttp.ClientSession() as session,
        session.request(question.method, server.base_url + question.path, data=question.body) as response,
    ):
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, await response.read(), headers)


async def chat(server: RealServer, model: str, max_tokens: int) -> list[str]:
    """The pieces of a streamed answer."""
    body = {
        "model": model,
        "stream": True,
        "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": "안녕"}],
    }
    pieces = []
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.base_url + "/v1/chat/completions", json=body) as response,
    ):
        assert response.status == 200
        async for line in response.content:
            if line.startswith(b"data: {"):
                delta = orjson.loads(line[6:])["choices"][0]["delta"]
                pieces.append(delta.get("content") or "")
    return pieces


async def test_an_answer_of_the_tiny_model_is_as_long_as_it_may_be(mlx: RealServer) -> None:
    pieces = await chat(mlx, mlx.model, max_tokens=200)
    assert 190 <= len(pieces) <= 202
    assert "".join(pieces).isascii()


async def test_a_killed_server_refuses_and_comes_back_at_the_same_url(mlx: RealServer) -> None:
    url = mlx.base_url
    await mlx.kill()
    with pytest.raises(aiohttp.ClientConnectorError):
        await ask(mlx, ENGINES["mlx"].liveness)
    await mlx.restart()
    assert mlx.base_url == url
    assert await chat(mlx, mlx.model, max_tokens=3)


async def test_it_is_recognised_and_its_list_names_a_model_that_it_runs(mlx: RealServer) -> None:
    engine = ENGINES["mlx"]
    identity = detect.identify(tuple([await ask(mlx, question) for question in detect.QUESTIONS]))
    assert identity == detect.Identity("mlx", None, "MLX LM")
    assert engine.read_liveness(await ask(mlx, engine.liveness)) is Liveness.OK
    models = engine.read_models((await ask(mlx, engine.models[0]),))
    assert [model.name for model in models] == [mlx.model]
    assert await chat(mlx, models[0].name, max_tokens=3)


async def test_without_a_cache_folder_it_still_runs_the_model_that_its_list_does_not_name(
    mlx: RealServer,
) -> None:
    (mlx.log.parent / "cache" / "hub").rmdir()
    engine = ENGINES["mlx"]
    answer = await ask(mlx, engine.models[0])
    assert (answer.status, answer.body) == (200, b"")
    (model,) = engine.read_models((answer,))
    assert await chat(mlx, model.name, max_tokens=3)
