"""What can be wrong with a backend, each over real sockets, and the remedy that is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from router.doctor.backends import Seen, judged, seen, skews
from router.doctor.finding import Finding, Grade
from sidecar import BackendSpec, probing_session
from simulator import Engine, SimSettings, serving
from tests.fakes.talkers import hang_up, talking
from tests.router.mailbox.imap_server import made_certificate

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def looked_at(url: str, **spec: Any) -> tuple[Seen, list[Finding]]:
    """A backend at that URL, and the lines about it."""
    async with probing_session() as session:
        look = await seen(session, BackendSpec("mini", url, **spec))
    return look, [*judged(look)]


async def only(url: str, **spec: Any) -> tuple[Grade, str, str]:
    """Grade, finding and advice of the one line, in English."""
    _, (line,) = await looked_at(url, **spec)
    return line.grade, line.found.en, "" if line.advice is None else line.advice.en


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[str]:
    """A server that answers everything so."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_one_that_is_well_is_told_with_its_version() -> None:
    async with serving(SimSettings(engine=Engine.VLLM)) as url:
        look, (line,) = await looked_at(url, models={"reasoner": "sim-large-32b", "classifier": "auto"})
    assert (line.grade, line.advice) == (Grade.OK, None)
    assert line.found.en.startswith("vLLM ")
    assert line.found.en.endswith("takes requests")
    assert look.skew_seconds is not None
    assert abs(look.skew_seconds) < 5


async def test_a_port_where_nobody_listens_is_refused() -> None:
    grade, found, advice = await only("http://127.0.0.1:9")
    assert (grade, found) == (Grade.PROBLEM, "refused: nobody listens at that port")
    assert "port" in advice


async def test_a_name_without_an_address_is_dns() -> None:
    grade, found, advice = await only("http://no-such-host.invalid:8080")
    assert (grade, found) == (Grade.PROBLEM, "DNS: its name has no address")
    assert "/etc/hosts" in advice


async def test_one_that_says_nothing_is_a_timeout() -> None:
    over = asyncio.Event()

    async def mute(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with talking(mute) as port:
        grade, found, _ = await only(f"http://127.0.0.1:{port}")
        over.set()
    assert (grade, found) == (Grade.PROBLEM, "timeout: no connection or no answer in time")


async def test_a_certificate_of_its_own_is_tls(tmp_path: Path) -> None:
    certificate = await asyncio.to_thread(made_certificate, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    async with talking(hang_up, ssl=context) as port:
        grade, found, _ = await only(f"https://localhost:{port}")
    assert (grade, found) == (Grade.PROBLEM, "TLS: its certificate is not trusted, or it speaks no TLS")


async def test_https_asked_of_one_that_speaks_none_is_tls_too() -> None:
    async with serving(SimSettings()) as url:
        grade, found, _ = await only(url.replace("http:", "https:"))
    assert (grade, found) == (Grade.PROBLEM, "TLS: its certificate is not trusted, or it speaks no TLS")


async def test_one_that_hangs_up_speaks_no_http() -> None:
    async with talking(hang_up) as port:
        grade, found, advice = await only(f"http://127.0.0.1:{port}")
    assert (grade, found) == (Grade.PROBLEM, "it takes connections and does not speak HTTP")
    assert "https://" in advice


@pytest.mark.parametrize(
    ("key", "found", "advice"),
    [
        (None, "it wants a key (HTTP 401)", "Set the api_key of this backend (env:NAME)."),
        ("c4nary", "it refuses the key (HTTP 401)", "Compare what its api_key refers to with the server's key."),
    ],
)
async def test_one_that_lets_nobody_in_wants_a_key_or_another(key: str | None, found: str, advice: str) -> None:
    async def door(request: web.Request) -> web.Response:
        if request.path == "/health":
            return web.Response()
        return web.json_response({"error": {"message": f"no: {request.headers.get('authorization')}"}}, status=401)

    async with answering(door) as url:
        assert await only(url, api_key=key, engine="vllm") == (Grade.PROBLEM, found, advice)


async def test_a_wrong_engine_is_named_with_the_right_one() -> None:
    async with serving(SimSettings(engine=Engine.OLLAMA)) as url:
        _, lines = await looked_at(url, engine="vllm")
    told = [(line.grade, line.found.en, line.advice and line.advice.en) for line in lines if line.grade is not Grade.OK]
    assert len(told) == 1
    grade, found, advice = told[0]
    assert grade in (Grade.PROBLEM, Grade.WARNING)
    assert "Ollama" in found
    assert advice is not None
    assert "engine: ollama" in advice


async def test_a_web_server_is_no_llm_server() -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<html>c4nary</html>", status=404)

    async with answering(page) as url:
        grade, found, advice = await only(url)
    assert (grade, found) == (Grade.PROBLEM, "it answers, but is no LLM server that Maek knows")
    assert "maek probe" in advice


async def test_a_model_that_is_not_there_is_named_with_those_that_are() -> None:
    async with serving(SimSettings()) as url:
        _, (first, second) = await looked_at(url, models={"reasoner": "gemma4", "classifier": "sim-small-1b"})
    assert first.grade is Grade.OK
    assert (second.grade, second.found.en) == (Grade.PROBLEM, "the model gemma4 of reasoner is not there")
    assert second.advice is not None
    assert "sim-small-1b" in second.advice.en


@pytest.mark.parametrize(("minutes", "said"), [(-3, "s behind ours"), (3, "s ahead of ours")])
async def test_a_clock_that_is_off_is_told_by_the_date_of_answers(minutes: int, said: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)

    async def models(_request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "m"}]}, headers={"date": date})

    async with answering(models) as url:
        look, _ = await looked_at(url, engine="openai")
    (line,) = skews([look])
    assert line.grade is Grade.WARNING
    assert line.found.en.endswith(said)
    assert line.advice is not None
    assert "both machines" in line.advice.en


async def test_where_all_clocks_disagree_alike_it_is_ours() -> None:
    async with serving(SimSettings()) as url:
        look, _ = await looked_at(url)
    (agreed,) = skews([replace(look, skew_seconds=0.4)])
    alike = [*skews([replace(look, skew_seconds=seconds) for seconds in (60.0, 61.0)])]
    apart = [*skews([replace(look, skew_seconds=seconds) for seconds in (60.0, -61.0)])]
    assert agreed.found.en == "agrees with 1 backend(s)"
    assert all(line.advice and "this machine" in line.advice.en for line in alike)
    assert all(line.advice and "both machines" in line.advice.en for line in apart)
    assert [*skews([replace(look, skew_seconds=None)])] == []
