"""The load client counts an answer only if it is whole, whatever way the server fails."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from bench.overhead.build import built

# On CI nothing is skipped for lack of a tool: there the compiler's absence is a failure.
pytestmark = pytest.mark.skipif(
    shutil.which("gcc") is None and os.environ.get("CI") != "true", reason="the load client is compiled when it is used"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TOKEN = b'data: {"choices":[{"delta":{"content":"@0000000000000000001 "}}]}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("programs")
    return {name: built(name, folder) for name in ("mock", "client")}


@pytest.fixture
def mock_port(programs: dict[str, Path]) -> Iterator[int]:
    with subprocess.Popen([programs["mock"]], stdout=subprocess.PIPE, text=True) as mock:
        assert mock.stdout is not None
        yield int(mock.stdout.readline())
        mock.terminate()


async def run_client(program: Path, port: int, *, chunks: int, concurrency: int = 2) -> dict[str, Any]:
    """One request on each connection."""
    arguments = (str(port), str(concurrency), "0", str(chunks), "1000", "0", "mock")
    process = await asyncio.create_subprocess_exec(program, *arguments, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    report: dict[str, Any] = orjson.loads(output)
    return report


async def client_against(handler: Handler, program: Path, *, chunks: int) -> tuple[int, int, str | None]:
    """(whole answers, failures, why) of two requests to this handler."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        report = await run_client(program, runner.addresses[0][1], chunks=chunks)
    finally:
        await runner.cleanup()
    return report["answers"], report["failures"], report.get("why")


def streaming(*pieces: bytes) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    return handler


def answering(body: bytes, status: int = 200) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, content_type="application/json")

    return handler


@pytest.mark.parametrize("chunks", [0, 1, 20])
async def test_every_answer_of_the_mock_is_whole(programs, mock_port, chunks):
    report = await run_client(programs["client"], mock_port, chunks=chunks, concurrency=20)
    assert (report["answers"], report["failures"], report["chunks"]) == (20, 0, 20 * chunks)


@pytest.mark.parametrize(
    "handler",
    [
        streaming(TOKEN, TOKEN, DONE),
        streaming(TOKEN + TOKEN + DONE),
        streaming(*(bytes([byte]) for byte in TOKEN + TOKEN + DONE)),
        streaming(b": comment\n\n", TOKEN, TOKEN, DONE),
    ],
    ids=["as sent", "glued together", "byte by byte", "with a comment"],
)
async def test_a_whole_stream_counts_however_it_is_cut(programs, handler):
    assert await client_against(handler, programs["client"], chunks=2) == (2, 0, None)


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (streaming(TOKEN, TOKEN), "the answer was not whole"),
        (streaming(TOKEN, DONE), "the answer was not whole"),
        (streaming(TOKEN, TOKEN, TOKEN, DONE), "the answer was not whole"),
        (streaming(), "the answer was not whole"),
        (answering(b"no", status=503), "status 503"),
        (answering(b"x" * 100_000), "the answer was longer than anything asked for"),
    ],
    ids=["no end mark", "a token too few", "a token too many", "empty", "an error status", "something too large"],
)
async def test_anything_else_is_a_failure_and_says_why(programs, handler, why):
    assert await client_against(handler, programs["client"], chunks=2) == (0, 2, why)


async def test_a_stream_that_breaks_off_is_a_failure(programs):
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(TOKEN)
        assert request.transport is not None
        request.transport.abort()
        return response

    assert await client_against(handler, programs["client"], chunks=2) == (0, 2, "the connection broke")


@pytest.mark.parametrize(("body", "counts"), [(b'{"content":"END"}', (2, 0)), (b'{"content":"EN', (0, 2))])
async def test_a_json_answer_counts_with_its_end(programs, body, counts):
    assert (await client_against(answering(body), programs["client"], chunks=0))[:2] == counts


async def test_nobody_there_is_a_failure(programs, unused_tcp_port):
    report = await run_client(programs["client"], unused_tcp_port, chunks=0)
    assert (report["answers"], report["failures"], report["why"]) == (0, 2, "the connection was refused")
