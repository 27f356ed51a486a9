"""The files of the status page, and `/live`, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest

from router.config import Config
from router.keys import new_key
from router.sse import Decoder
from router.web.live import MOST_LISTENERS
from simulator import SimSettings
from tests.fakes.routers import Maek, config_for, maek, maek_with_simulators
from tests.fakes.waiting import until

Told = AsyncIterator[tuple[str, dict[str, Any]]]


@asynccontextmanager
async def watching(router: Maek, **headers: str) -> AsyncIterator[Told]:
    """What `/live` tells, event by event."""

    async def events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        decoder = Decoder()
        async for chunk in response.content.iter_any():
            for event in decoder.feed(chunk):
                yield event.name, orjson.loads(event.data)

    async with router.client.get(router.url + "/live", headers=headers) as response:
        assert response.status == 200, await response.text()
        async with aclosing(events(response)) as told:
            yield told


async def first(told: Told, *names: str) -> dict[str, dict[str, Any]]:
    """The first event of each of these names."""
    found: dict[str, dict[str, Any]] = {}
    async for name, data in told:
        found.setdefault(name, data)
        if found.keys() >= {*names}:
            break
    return found


async def test_it_tells_what_backends_tells_by_the_same_snapshot() -> None:
    async with maek_with_simulators(SimSettings(), SimSettings()) as (router, _):
        async with watching(router) as told:
            news = await first(told, "hello", "fleet", "history")
        _, answer = await router.get("/backends")
    assert news["fleet"]["names"] == ["sim0", "sim1"]
    for shown, full in zip(news["fleet"]["changed"], answer["backends"], strict=True):
        for key in ("name", "url", "engine", "roles", "state", "verdict", "in_flight", "circuit", "models"):
            assert shown[key] == full[key]
        assert (shown["level"], shown["set_by"]) == (full["load"]["level"], full["load"]["set_by"])
        assert shown["measured_ttft_ms"] == full["first_token"]["measured_ms"]
        assert "probe_age" not in shown["signals"]
    assert {one["backend"]: one["able"] for one in news["fleet"]["roles"]["reasoner"]} == {"sim0": True, "sim1": True}
    assert news["history"]["backends"].keys() == {"sim0", "sim1"}


async def test_a_chat_is_told_as_it_happens_without_a_word_of_it() -> None:
    async with maek_with_simulators(SimSettings(preset="demo")) as (router, _), watching(router) as told:
        await first(told, "fleet")
        asked = asyncio.create_task(router.post("/chat", {"message": "양자역학 설명해줘"}))
        seen = []
        async for name, data in told:
            seen.append((name, data))
            if name == "decisions" and data["changed"][-1]["total_ms"] is not None:
                break
        _, answer = await asked
    assert any(name == "fleet" and data["chats"]["active"] == 1 for name, data in seen)
    assert any(name == "fleet" and data["changed"] and data["changed"][0]["in_flight"] == 1 for name, data in seen)
    last = seen[-1][1]["changed"][-1]
    assert (last["id"], last["action"], last["source"], last["backend"]) == (answer["id"], "route", "rule", "sim0")
    assert last["why"].startswith("predicted (ttft/e2e/cost): sim0")
    assert last["outcome"] == "ok"
    assert "양자" not in orjson.dumps(seen).decode()


async def test_whoever_asks_for_json_gets_the_beginning_of_a_stream_as_one_object() -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        async with watching(router) as told:
            streamed = await first(told, "hello", "fleet", "history")
        async with router.client.get(router.url + "/live", headers={"accept": "application/json"}) as response:
            at_once = await response.json()
        _, answer = await router.post("/chat", {"message": "안녕"})
        async with router.client.get(router.url + "/live", headers={"accept": "application/json"}) as response:
            later = await response.json()
        assert router.house.parts.live.listeners == 0
    assert at_once["hello"] == streamed["hello"]
    assert at_once["fleet"]["names"] == streamed["fleet"]["names"] == ["sim0"]
    assert at_once.keys() == {"hello", "fleet", "history", "decisions"}
    assert at_once["decisions"] == {"changed": []}
    assert [one["id"] for one in later["decisions"]["changed"]] == [answer["id"]]


async def test_decisions_of_another_key_are_not_told() -> None:
    (mine, my_hash), (other, other_hash) = new_key(), new_key()
    keys = [{"hash": my_hash}, {"hash": other_hash}]
    async with maek_with_simulators(SimSettings(), keys=keys) as (router, _):
        await router.post("/chat", {"message": "안녕"}, headers={"authorization": f"Bearer {other}"})
        _, answer = await router.post("/chat", {"message": "안녕"}, headers={"authorization": f"Bearer {mine}"})
        async with watching(router, authorization=f"Bearer {mine}") as told:
            news = await first(told, "decisions")
        status, _ = await router.get("/live")
    assert [one["id"] for one in news["decisions"]["changed"]] == [answer["id"]]
    assert status == 401


async def test_a_key_that_is_taken_away_ends_the_stream() -> None:
    (mine, my_hash), (_, other_hash) = new_key(), new_key()
    async with maek(config_for(keys=[{"hash": my_hash}])) as router:
        async with watching(router, authorization=f"Bearer {mine}") as told:
            await first(told, "fleet")
            router.house.adopt(config_for(keys=[{"hash": other_hash}]))
            assert [name async for name, _ in told if name == "fleet"] == []
        assert router.house.parts.live.listeners == 0


async def test_so_many_may_look_and_a_place_is_free_again_when_one_leaves() -> None:
    async with maek(config_for()) as router:
        live = router.house.parts.live
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as client:
            looking = [await client.get(router.url + "/live") for _ in range(MOST_LISTENERS)]
            assert live.listeners == MOST_LISTENERS
            async with client.get(router.url + "/live") as refused:
                assert (refused.status, (await refused.json())["error"]["code"]) == (503, "overloaded")
                assert "retry-after" in refused.headers
            looking.pop().close()
            await until(lambda: live.listeners == MOST_LISTENERS - 1)
            async with client.get(router.url + "/live") as let_in:
                assert let_in.status == 200
            for response in looking:
                response.close()
        await until(lambda: live.listeners == 0)


async def test_the_end_of_maek_ends_the_stream() -> None:
    async with aiohttp.ClientSession() as client:
        async with maek(config_for()) as router:
            response = await client.get(router.url + "/live")
            await response.content.readany()
        async with response:
            await response.read()  # raises if it was cut off


async def without_a_key(config: Config, paths: Iterable[str], **headers: str) -> list[tuple[int, Any, bytes]]:
    """Status, headers and body of these paths."""
    found = []
    async with maek(config) as router:
        for path in paths:
            async with router.client.get(router.url + path, headers=headers) as response:
                found.append((response.status, response.headers.copy(), await response.read()))
    return found


async def test_the_page_is_open_to_everybody_and_may_run_nothing_but_its_own_files() -> None:
    _, digest = new_key()
    answers = await without_a_key(config_for(keys=[{"hash": digest}]), ["/", "/page.css", "/page.js", "/words.js"])
    for status, headers, _ in answers:
        assert status == 200
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert headers["x-content-type-options"] == "nosniff"
    page = answers[0][2].decode()
    assert "style=" not in page
    assert "onclick" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert b"innerHTML" not in answers[2][2]


@pytest.mark.parametrize(
    ("accepted", "language"), [("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("en-US,en", "en"), ("de", "en")]
)
async def test_the_page_comes_in_the_language_that_the_browser_asks_for(accepted: str, language: str) -> None:
    config = config_for()
    ((_, headers, page),) = await without_a_key(config, ["/"], **{"accept-language": accepted})
    assert headers["content-language"] == language
    assert f'<html lang="{language}"'.encode() in page


async def test_what_a_browser_has_is_not_sent_again() -> None:
    async with maek(config_for()) as router:
        async with router.client.get(router.url + "/page.js") as response:
            tag = response.headers["etag"]
        async with router.client.get(router.url + "/page.js", headers={"if-none-match": tag}) as response:
            assert (response.status, await response.read()) == (304, b"")
