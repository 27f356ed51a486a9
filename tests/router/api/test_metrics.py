"""What `/metrics` says over real sockets: bounded whatever strangers write, and of what is there alone."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from router.sessions.store import epoch_seconds
from router.tools.spec import PendingDraft
from sidecar.labels import MOST_MODELS, OTHER
from simulator import SimSettings
from tests.fakes.routers import Maek, config_for, maek, maek_with_simulators
from tests.fakes.upstreams import DONE, STOP, Heard, Upstream, answer, streaming, token, upstream
from tests.router.exposed import check_laws, scrape

MADE_UP = 10_000
BATCH = 250
HOSTILE = (
    'no"quotes',
    "back\\slash",
    "new\nline",
    "nul\x00",
    "other",
    "모델 🐙",
    'm"} 1\nmaek_backend_up{backend="mini"} 0\n#',
    "../../etc/passwd",
    "gemma4 ",
    "x" * 2000,
)
NAMES_OF_FAMILIES = {"maek_routing_decisions_total", "maek_requests_total", "maek_tokens_total"}
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8}}\n\n'


def made_up(number: int) -> str:
    """A name that no model has; each is another one."""
    return f"{HOSTILE[number % len(HOSTILE)]}{number}"


async def refusals(url: str, path: str, bodies: Iterable[bytes]) -> int:
    """How many of these requests, sent one behind the other on one connection, are answered with a 4xx."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    refused = 0
    for body in bodies:
        head = f"POST {path} HTTP/1.1\r\nhost: maek\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()
        answered = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in answered.lower().splitlines() if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        refused += answered.startswith(b"HTTP/1.1 4")
    writer.close()
    return refused


def to_model(name: str) -> bytes:
    """A request to `/v1/chat/completions`."""
    return orjson.dumps({"model": name, "messages": [{"role": "user", "content": "hi"}]})


def to_role(name: str) -> bytes:
    """A request to `/chat`."""
    return orjson.dumps({"message": "hi", "role": name})


async def series(router: Maek) -> set[tuple[str, ...]]:
    """Name and labels of everything that is told."""
    page = await scrape(router)
    return {(sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))) for sample in page.samples}


async def test_ten_thousand_names_that_strangers_made_up_leave_as_many_series_as_the_first_few() -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        await router.post("/v1/chat/completions", orjson.loads(to_model("sim-large-32b")))
        for path, body in (("/v1/chat/completions", to_model), ("/chat", to_role)):
            assert await refusals(router.url, path, [body(made_up(number)) for number in range(20)]) == 20
        few = await series(router)
        half = MADE_UP // 2
        refused = await asyncio.gather(
            refusals(router.url, "/v1/chat/completions", (to_model(made_up(20 + n)) for n in range(half))),
            refusals(router.url, "/chat", (to_role(made_up(20 + n)) for n in range(half))),
        )
        assert refused == [half, half]
        assert await series(router) == few
        page = await scrape(router, as_openmetrics=True)
    assert page.values("model") == {"sim-large-32b", "sim-small-1b"}
    assert page.sum("maek_errors_total", fault="caller") == MADE_UP + 40
    assert page.sum("maek_label_values_folded_total") == 0


@asynccontextmanager
async def with_models(*models: str) -> AsyncIterator[Upstream]:
    """A server that lists these models, and answers for any."""
    listed = orjson.dumps({"object": "list", "data": [{"id": model, "object": "model"} for model in models]})
    good = streaming(token("hi"), STOP, USAGE, DONE)

    async def script(heard: Heard) -> None:
        await (heard.send(answer("200 OK", listed)) if heard.head.startswith(b"get ") else good(heard))

    async with upstream(script) as server:
        yield server


async def ask(router: Maek, *models: str) -> None:
    """A streamed request to each of these models, which is answered."""
    for model in models:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": True}
        async with router.client.post(router.url + "/v1/chat/completions", json=body) as response:
            assert (response.status, await response.read() != b"") == (200, True)


async def test_of_the_models_that_a_server_lists_a_hundred_have_a_name_and_what_is_configured_always_has() -> None:
    listed = [f"model {number}" for number in range(MOST_MODELS + 30)]
    async with with_models(*listed) as server:
        backend = {"name": "hub", "url": server.url, "engine": "openai", "models": {"reasoner": "the chosen one"}}
        async with maek(config_for([backend])) as router:
            await ask(router, *listed, "reasoner")
            page = await scrape(router)
    assert len(page.values("model")) == MOST_MODELS
    assert {"the chosen one", OTHER} <= page.values("model")
    folded = len(listed) - (MOST_MODELS - 2)
    assert page.sum("maek_label_values_folded_total", label="model") == folded
    for name in ("maek_requests_total", "maek_time_to_first_token_seconds_count"):
        assert page.sum(name, model=OTHER) == folded
        assert page.sum(name) == len(listed) + 1
    assert page.sum("maek_tokens_total", type="input") == 7 * (len(listed) + 1)
    check_laws(page)


async def test_of_a_backend_that_is_taken_out_of_the_configuration_there_is_no_series_at_the_next_scrape() -> None:
    async with with_models("m") as one, with_models("m") as two:
        backends = [
            {"name": "stays", "url": one.url, "engine": "openai", "models": {"reasoner": "m"}},
            {"name": "goes", "url": two.url, "engine": "openai", "models": {"writer": "m"}},
        ]
        async with maek(config_for(backends, roles={"writer": {}})) as router:
            await ask(router, "reasoner", "writer")
            before = await scrape(router)
            router.house.adopt(config_for(backends[:1]))
            after = await scrape(router)
            await ask(router, "reasoner")
            later = await scrape(router, as_openmetrics=True)
    assert set(before.series(backend="goes")) == set(before.series(backend="stays"))
    assert {name for name in NAMES_OF_FAMILIES if name in before.series(backend="goes")} == NAMES_OF_FAMILIES
    assert (after.series(backend="goes"), later.series(backend="goes")) == ([], [])
    check_laws(later)


async def test_the_first_scrape_of_a_house_that_nobody_serves_says_that_its_configuration_was_taken_up() -> None:
    began = epoch_seconds()
    async with maek(config_for()) as router:
        page = await scrape(router)
    assert page.sum("maek_config_last_reload_success") == 1
    assert began <= page.sum("maek_config_last_reload_success_timestamp_seconds") <= epoch_seconds()


async def test_before_anything_happened_nothing_is_told_of_requests_but_that_there_were_none() -> None:
    async with with_models("m") as server:
        backend = {"name": "mini", "url": server.url, "engine": "openai", "models": {"reasoner": "m"}}
        async with maek(config_for([backend])) as router:
            page = await scrape(router)
    assert page.by("maek_requests_started_total") == page.by("maek_backend_in_flight") == {"mini": 0}
    assert page.sum("maek_requests_total") == page.sum("maek_time_to_first_token_seconds_count") == 0
    assert page.sum("maek_sessions") == 0


@pytest.mark.usefixtures("_data_in_the_configured_folder")
async def test_what_becomes_of_drafts_is_counted(tmp_path: Path) -> None:
    async with maek_with_simulators(SimSettings(), data_dir=str(tmp_path)) as (router, _):
        for message in ("내일 3시 회의 잡아줘", "내일 5시 회의 잡아줘", "응", "모레 3시 회의 잡아줘", "아니"):
            await router.post("/chat", {"message": message, "session": "room"})
        over = PendingDraft("calendar", "create_draft", {}, "회의", 1.0)
        await router.house.parts.sessions.put_pending("room", "anonymous", over)
        await router.post("/chat", {"message": "응", "session": "room"})
        page = await scrape(router)
    assert page.by("maek_drafts_total", "event") == {
        "prepared": 3,
        "replaced": 1,
        "done": 1,
        "dropped": 1,
        "expired": 1,
    }
    assert page.sum("maek_sessions") == 1


@pytest.fixture
def _data_in_the_configured_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAEK_DATA_DIR", raising=False)
