import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from ssl import SSLError

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.client_reqrep import ConnectionKey

from sidecar.engines import ENGINES, Liveness
from sidecar.engines.engine import Answers, Ask, Engine, Page, Selector
from sidecar.facts import BackendSpec, ProbeOutcome
from sidecar.probe import MOST_BYTES, OUTCOME_OF_LIVENESS, Prober, engine_for, outcome_of, probing_session, url_of
from tests.fakes import backends as fakes

PATIENCE_SECONDS = 20.0
"""Where an answer is expected: more than any machine needs."""
IMPATIENCE_SECONDS = 0.2
"""Where none will come: the test waits this long for nothing."""
OPENAI = ENGINES["openai"]
REFUSED = aiohttp.ClientConnectorError(
    ConnectionKey("gpu", 80, False, True, None, None, None), ConnectionRefusedError(errno.ECONNREFUSED, "refused")
)


def test_every_way_a_probe_can_end_can_come_about() -> None:
    """Those that an answer may have, and those of the exceptions without one."""
    assert set(OUTCOME_OF_LIVENESS) == set(Liveness)
    unheard = {outcome_of(error) for error in (REFUSED, TimeoutError(), SSLError())}
    assert {*OUTCOME_OF_LIVENESS.values(), *unheard} == set(ProbeOutcome)


@pytest_asyncio.fixture
async def prober() -> AsyncIterator[Prober]:
    async with probing_session() as session:
        yield Prober(session, asyncio.get_running_loop().time)


def at(fake: fakes.Fake, **more: str) -> BackendSpec:
    return BackendSpec("mini", fake.url, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (fakes.healthy, ProbeOutcome.OK),
        (fakes.loading, ProbeOutcome.LOADING),
        (fakes.html, ProbeOutcome.BAD_BODY),
        (fakes.garbage, ProbeOutcome.BAD_BODY),
        (fakes.dying, ProbeOutcome.BAD_BODY),
        (fakes.resetting, ProbeOutcome.BAD_BODY),
        (fakes.endless, ProbeOutcome.BAD_BODY),
        (fakes.saying(b""), ProbeOutcome.BAD_BODY),
        (fakes.saying(fakes.http(b"{}", "500 Internal Server Error")), ProbeOutcome.BAD_STATUS),
        (fakes.saying(fakes.http(b"", "302 Found")), ProbeOutcome.BAD_STATUS),
        (fakes.saying(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"), ProbeOutcome.BAD_BODY),
        (fakes.saying(fakes.http(b"\x1f\x8b not asked for")), ProbeOutcome.BAD_BODY),
    ],
)
async def test_every_answer_has_its_name(prober: Prober, behaviour: fakes.Behaviour, outcome: ProbeOutcome) -> None:
    async with fakes.serving(behaviour) as fake:
        probed = await prober.liveness(at(fake), OPENAI, PATIENCE_SECONDS)
    assert probed.outcome is outcome
    assert probed.latency_ms > 0
    assert probed.latency_ms == round(probed.latency_ms, 1)
    assert probed.detail


VLLM = {"GET /health": fakes.http(b""), "GET /is_sleeping": {"is_sleeping": True}}
LLAMACPP = {"GET /health": {"status": "ok"}, "GET /props": {"is_sleeping": True}}


@pytest.mark.parametrize(
    ("engine", "pages", "outcome"),
    [
        ("vllm", VLLM, ProbeOutcome.SUSPENDED),
        ("vllm", VLLM | {"GET /is_sleeping": {"is_sleeping": False}}, ProbeOutcome.OK),
        ("vllm", {"GET /health": fakes.http(b"")}, ProbeOutcome.OK),
        ("llamacpp", LLAMACPP, ProbeOutcome.SLEEPING),
        ("llamacpp", LLAMACPP | {"GET /props": {"is_sleeping": False}}, ProbeOutcome.OK),
        ("llamacpp", {"GET /props": {"is_sleeping": True}}, ProbeOutcome.BAD_STATUS),
    ],
)
async def test_a_server_that_lives_is_asked_whether_it_sleeps(
    prober: Prober, engine: str, pages: dict[str, object], outcome: ProbeOutcome
) -> None:
    async with fakes.serving(fakes.answering(pages)) as fake:
        probed = await prober.liveness(at(fake), ENGINES[engine], PATIENCE_SECONDS)
        assert probed.outcome is outcome
        assert len(fake.asked) == (1 if outcome is ProbeOutcome.BAD_STATUS else 2)


async def test_whoever_does_not_say_in_time_whether_it_sleeps_lives_all_the_same(prober: Prober) -> None:
    async def behave(line: str, writer: asyncio.StreamWriter) -> None:
        await (fakes.answering(LLAMACPP) if "/health" in line else fakes.hangs)(line, writer)

    async with fakes.serving(behave) as fake:
        probed = await prober.liveness(at(fake), ENGINES["llamacpp"], IMPATIENCE_SECONDS)
    assert probed.outcome is ProbeOutcome.OK
    assert probed.latency_ms < IMPATIENCE_SECONDS * 1000


@pytest.mark.parametrize("behaviour", [fakes.hangs, fakes.hangs_after_headers])
async def test_whoever_hangs_is_given_up(prober: Prober, behaviour: fakes.Behaviour) -> None:
    async with fakes.serving(behaviour) as fake:
        probed = await prober.liveness(at(fake), OPENAI, IMPATIENCE_SECONDS)
    assert probed.outcome is ProbeOutcome.READ_TIMEOUT


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_where_nobody_listens_the_connection_is_refused(prober: Prober, host: str) -> None:
    url = f"http://{host}:{await fakes.unused_port()}"
    probed = await prober.liveness(BackendSpec("mini", url), OPENAI, PATIENCE_SECONDS)
    assert probed.outcome is ProbeOutcome.REFUSED


@asynccontextmanager
async def full_backlog() -> AsyncIterator[str]:
    """A port where connections are neither accepted nor refused."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(server.getsockname())
            waiting.append(client)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for client in waiting:
            client.close()


async def test_a_connection_that_does_not_come_about_is_told_from_an_answer_that_does_not(prober: Prober) -> None:
    async with full_backlog() as url:
        probed = await prober.liveness(BackendSpec("mini", url), OPENAI, IMPATIENCE_SECONDS)
    assert probed.outcome is ProbeOutcome.CONNECT_TIMEOUT


async def test_a_name_that_leads_nowhere_never_connects(prober: Prober) -> None:
    probed = await prober.liveness(BackendSpec("mini", "http://nobody.invalid"), OPENAI, PATIENCE_SECONDS)
    assert probed.outcome is ProbeOutcome.CONNECT_TIMEOUT


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (SSLError("bad certificate"), ProbeOutcome.CONNECT_TIMEOUT),
        (TimeoutError(), ProbeOutcome.READ_TIMEOUT),
        (ValueError("no URL"), ProbeOutcome.BAD_BODY),
        (ConnectionResetError(), ProbeOutcome.BAD_BODY),
    ],
)
def test_exceptions_that_servers_seldom_cause_have_their_names_too(error: Exception, outcome: ProbeOutcome) -> None:
    assert outcome_of(error) is outcome


async def test_a_body_is_read_up_to_a_bound(prober: Prober) -> None:
    async with fakes.serving(fakes.endless) as fake:
        probed = await prober.ask(at(fake), Ask("/"), PATIENCE_SECONDS)
    assert probed.answer is None
    assert probed.detail == f"more than {MOST_BYTES} bytes"


async def test_the_key_goes_into_the_header_and_nowhere_else(prober: Prober) -> None:
    async with fakes.serving(fakes.healthy) as fake:
        await prober.ask(at(fake, api_key="sk-secret"), Ask("/v1/models"), PATIENCE_SECONDS)
        await prober.ask(at(fake), Ask("/v1/models"), PATIENCE_SECONDS)
        with_key, without = (head.lower() for head in fake.heads)
    assert b"authorization: bearer sk-secret\r\n" in with_key
    assert with_key.count(b"sk-secret") == 1
    assert b"authorization" not in without


async def test_metrics_on_another_port_are_asked_there_and_without_the_key(prober: Prober) -> None:
    scheduled = b'nv_trt_llm_request_metrics{request_type="scheduled"} 2\n'
    page = fakes.answering({"GET /metrics": fakes.http(scheduled)})
    async with fakes.serving(fakes.healthy) as fake, fakes.serving(page) as metrics:
        spec = replace(at(fake, engine="triton", api_key="sk-secret"), metrics_path=f":{metrics.port}/metrics")
        engine = engine_for("triton", spec)
        answers = await prober.stats(spec, engine, PATIENCE_SECONDS)
        assert fake.asked == []
        assert b"sk-secret" not in metrics.heads[0]
    assert engine.read_stats(answers).running == 2


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://gpu:8000", "http://gpu:8002/metrics"),
        ("https://gpu", "https://gpu:8002/metrics"),
        ("http://[::1]:8000", "http://[::1]:8002/metrics"),
    ],
)
def test_another_port_is_of_the_same_host(url: str, asked: str) -> None:
    assert url_of(BackendSpec("gpu", url), Ask("/metrics", port=8002)) == asked


async def test_headers_of_an_answer_are_in_lower_case(prober: Prober) -> None:
    async with fakes.serving(fakes.saying(b"HTTP/1.1 200 OK\r\nX-Some: Value\r\n\r\n{}")) as fake:
        probed = await prober.ask(at(fake), Ask("/"), PATIENCE_SECONDS)
    assert probed.answer is not None
    assert probed.answer.headers["x-some"] == "Value"


async def test_answers_stand_in_the_order_of_the_questions(prober: Prober) -> None:
    async with fakes.serving(fakes.answering({"GET /a": b"\x00", "GET /b": {"b": 1}})) as fake:
        answers = await prober.answers(at(fake), (Ask("/a"), Ask("/b"), Ask("/c")), PATIENCE_SECONDS)
    assert [answer and answer.status for answer in answers] == [None, 200, 404]


async def test_after_a_question_that_was_not_heard_the_rest_is_not_asked(prober: Prober) -> None:
    async with fakes.serving(fakes.hangs) as fake:
        answers = await prober.answers(at(fake), (Ask("/a"), Ask("/b"), Ask("/c")), IMPATIENCE_SECONDS)
        assert answers == (None, None, None)
        assert fake.asked == ["GET /a"]


async def test_questions_about_load_go_on_for_three_rounds_at_most(prober: Prober) -> None:
    def plan(_page: Page | None, answers: Answers) -> tuple[Ask, ...]:
        return (Ask(f"/{len(answers)}"),)

    curious: Engine = replace(OPENAI, plan=plan)
    async with fakes.serving(fakes.healthy) as fake:
        answers = await prober.stats(at(fake), curious, PATIENCE_SECONDS)
        assert fake.asked == ["GET /0", "GET /1", "GET /2"]
    assert len(answers) == 3


async def test_an_engine_without_statistics_is_asked_nothing(prober: Prober) -> None:
    async with fakes.serving(fakes.healthy) as fake:
        assert await prober.stats(at(fake), OPENAI, PATIENCE_SECONDS) == ()
        assert fake.asked == []


async def test_the_software_is_recognised(prober: Prober) -> None:
    async with fakes.serving(fakes.healthy) as fake:
        identity = await prober.identity(at(fake), PATIENCE_SECONDS)
    assert identity is not None
    assert identity.engine == "openai"


async def test_an_inference_costs_one_question_and_takes_its_time(prober: Prober) -> None:
    async with fakes.serving(fakes.healthy) as fake:
        assert await prober.inference_ms(at(fake), "gemma4", PATIENCE_SECONDS) > 0
        assert fake.asked == ["POST /v1/chat/completions"]


@pytest.mark.parametrize("behaviour", [fakes.saying(fakes.http(b"{}", "404 Not Found")), fakes.resetting])
async def test_an_inference_that_fails_is_negative(prober: Prober, behaviour: fakes.Behaviour) -> None:
    async with fakes.serving(behaviour) as fake:
        assert await prober.inference_ms(at(fake), "gemma4", PATIENCE_SECONDS) < 0


def test_the_operators_names_for_metrics_come_before_the_engines() -> None:
    spec = BackendSpec("mini", "", metrics={"running": 'jobs{state="on"}'}, metrics_path="/stats")
    page = engine_for("vllm", spec).page
    assert page is not None
    assert (page.ask.path, page.running) == ("/stats", (Selector("jobs", {"state": "on"}),))
    assert page.waiting == (ENGINES["vllm"].page or page).waiting
    assert engine_for(None, spec).asks() == (Ask("/stats"),)


def test_a_backend_of_which_nobody_knows_the_software_is_asked_as_any_other() -> None:
    assert engine_for(None, BackendSpec("mini", "")) is OPENAI
    assert engine_for("abacus", BackendSpec("mini", "")) is OPENAI
    assert engine_for("ollama", BackendSpec("mini", "")) is ENGINES["ollama"]
