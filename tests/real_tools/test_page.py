"""The status page in a real browser, before a real Maek."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from router.keys import new_key
from router.sse import encode
from router.web.live import Live
from simulator import SimSettings, serving
from simulator.profiles import Profile
from tests.fakes.backends import MODELS, answering, healthy, http, unused_port
from tests.fakes.backends import serving as serving_fake
from tests.fakes.processes import maek_serve
from tests.fakes.routers import config_for, maek, maek_with_simulators
from tests.fakes.simulators import sim_state
from tests.fakes.waiting import until
from tests.real_tools.browsers import LONGEST_MS, chromium, looking

pytestmark = pytest.mark.real

expect.set_options(timeout=LONGEST_MS)

SLOW = SimSettings(preset="demo")
ENDLESS = SimSettings(profile=Profile(0.4, 3e-3, 0.0, 0.5e-3, 512, 8, 32_000))
"""Two tokens a second: whoever wants to stop an answer has the time for it."""
CANARY = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@asynccontextmanager
async def page_at(url: str, **options: Any) -> AsyncIterator[Page]:
    """The page in a browser of its own."""
    async with chromium() as browser, looking(browser, url, **options) as page:
        yield page


async def say(page: Page, text: str) -> None:
    """Send a message as a user does."""
    await page.fill("#message", text)
    await page.press("#message", "Enter")


def streamed(text: str) -> bytes:
    """A whole streamed answer of a backend."""
    chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}
    return http(encode(chunk) + b"data: [DONE]\n\n", content_type="text/event-stream")


async def test_it_shows_every_server_with_its_load_and_says_when_one_goes_down() -> None:
    async with AsyncExitStack() as stack:
        stays = await stack.enter_async_context(serving_fake(healthy))
        dies = await stack.enter_async_context(serving_fake(healthy))
        backends = [
            {"name": name, "url": fake.url, "models": {"reasoner": "gemma4", "classifier": "gemma4"}}
            for name, fake in (("stays", stays), ("dies", dies))
        ]
        config = config_for(backends)
        often = config.sidecar.model_copy(update={"interval_seconds": 0.2})
        router = await stack.enter_async_context(maek(config.model_copy(update={"sidecar": often})))
        page = await stack.enter_async_context(page_at(router.url))
        row = page.locator("#fleet tr.one", has_text="dies")
        await expect(row.locator(".state")).to_have_text("up")
        await expect(page.locator("#alerts")).to_contain_text("Every server answers")
        dies.behaviour = answering({})
        await expect(row.locator(".state")).to_have_text("down")
        await expect(row.locator(".level")).to_contain_text("unavailable")
        await expect(page.locator("#alerts")).to_contain_text("dies does not answer")
        await expect(page.locator("#figure-up")).to_have_text("1 / 2")
        dies.behaviour = healthy
        await expect(row.locator(".state")).to_have_text("up")


async def test_a_chat_shows_its_decision_its_tokens_its_timings_and_why_that_server() -> None:
    async with maek_with_simulators(SLOW) as (router, _), page_at(router.url) as page:
        await say(page, "양자역학 설명해줘")
        answer = page.locator(".answer").first
        await expect(answer.locator(".meta")).to_contain_text("Routes")
        await expect(answer.locator(".text")).to_contain_text("(시뮬레이터)")
        await expect(answer.locator(".foot")).to_contain_text("first token")
        await answer.locator(".foot .open").click()
        await expect(answer.locator(".why tr.won")).to_contain_text("sim0 (chosen)")
        line = page.locator("#decision-list li").first
        await expect(line.locator(".what")).to_contain_text("Routes")
        await expect(line.locator(".took")).to_contain_text("came")
        await line.locator(".open").press("Enter")
        await expect(line.locator(".why")).to_contain_text("keyword rule")


async def test_stop_ends_the_answer_and_the_work_behind_it() -> None:
    async with maek_with_simulators(ENDLESS) as (router, urls), page_at(router.url) as page:
        await say(page, "양자역학 설명해줘")
        await expect(page.locator(".answer .text")).not_to_be_empty()
        await page.click("#stop")
        await expect(page.locator(".answer")).to_have_attribute("aria-busy", "false")
        await expect(page.locator(".answer .foot")).to_have_text("Stopped.")
        await until(lambda: router.in_flight() == 0)
        assert (await sim_state(router.client, urls[0]))["running"] == 0
        await expect(page.locator("#send")).to_be_visible()
        await expect(page.locator("#message")).to_be_focused()


async def test_a_draft_waits_for_a_click_on_yes(tmp_path: Path) -> None:
    async with maek_with_simulators(SLOW, data_dir=str(tmp_path)) as (router, _), page_at(router.url) as page:
        await say(page, "내일 3시 회의 잡아줘")
        await page.locator(".draft button", has_text="Yes").click()
        await expect(page.locator(".answer").nth(1).locator(".meta")).to_contain_text("calendar.create_confirmed")
        await expect(page.locator(".answer").nth(1)).to_have_attribute("aria-busy", "false")


async def test_a_draft_of_another_conversation_can_be_agreed_to_from_the_list(tmp_path: Path) -> None:
    async with maek_with_simulators(SLOW, data_dir=str(tmp_path)) as (router, _):
        for session, message in (("kitchen", "내일 3시 회의 잡아줘"), ("garage", "모레 4시 세차 잡아줘")):
            await router.post("/chat", {"message": message, "session": session})
        async with page_at(router.url, locale="ko-KR") as page:
            await say(page, "안녕")
            waiting = page.locator("#draft-list li")
            await expect(waiting).to_have_count(2)
            await waiting.filter(has_text="회의").get_by_role("button", name="네").click()
            await expect(page.locator("#log")).to_contain_text("초안:")
            await expect(page.locator(".answer")).to_have_count(1)  # this conversation is the other one now
            await expect(page.locator(".answer .meta")).to_contain_text("초안을 승낙함")
            await expect(waiting).to_have_count(1)
            await waiting.get_by_role("button", name="아니요").click()
            await expect(page.locator("#drafts")).to_be_hidden()
        _, kitchen = await router.get("/sessions/kitchen")
    assert [said["text"] for said in kitchen["messages"] if said["role"] == "user"] == ["내일 3시 회의 잡아줘", "네"]


async def test_a_server_is_drained_and_let_back_after_a_question_by_keyboard_alone() -> None:
    async with maek_with_simulators(SLOW, SLOW) as (router, _), page_at(router.url) as page:
        row = page.locator("#fleet tr.one", has_text="sim1")
        await row.locator(".open").press("Enter")
        button = page.locator("#fleet tr.detail:not([hidden]) .deeds button")
        await button.press("Enter")
        await expect(page.locator("#sure-title")).to_have_text("Send sim1 nothing new?")
        await expect(page.locator("#sure-no")).to_be_focused()  # Enter without reading changes nothing
        await page.keyboard.press("Enter")
        await expect(page.locator("#sure")).to_be_hidden()
        await expect(button).to_be_focused()
        assert not router.house.snapshot().backends["sim1"].draining
        await button.press("Enter")
        await page.locator("#sure-yes").press("Enter")
        await expect(row.locator(".state")).to_have_text("draining")
        await expect(page.locator("#alerts")).to_contain_text("sim1 is being drained")
        await expect(button).to_have_text("Let it work again")
        await expect(button).to_be_focused()
        await page.locator("#fleet tr.one", has_text="sim0").locator(".open").press("Enter")
        await page.locator("#fleet tr.detail:not([hidden]) .deeds button").first.click()
        await expect(page.locator("#sure-why")).to_contain_text("Nobody else can serve classifier, reasoner then")
        await page.keyboard.press("Escape")
        await button.last.click()
        await page.click("#sure-yes")
        await expect(row.locator(".state")).to_have_text("up")


async def test_decisions_are_told_in_sentences_of_the_readers_language() -> None:
    async with maek_with_simulators(SLOW, SLOW) as (router, _), page_at(router.url, locale="ko-KR") as page:
        await router.post("/backends/sim1/drain", {})
        await say(page, "양자역학 설명해줘")
        line = page.locator("#decision-list li").first
        await expect(line.locator(".what")).to_contain_text("키워드 규칙: 설명을 부탁함")
        await expect(line.locator(".because")).to_have_text("sim0: 맡을 수 있는 서버가 이곳뿐; 제외: sim1 (비우는 중)")
        await page.locator("button[data-lang=en]").click()
        await expect(line.locator(".because")).to_contain_text(
            "the only one that could serve; left out: sim1 (draining)"
        )


async def test_after_a_restart_it_comes_back_by_itself(tmp_path: Path) -> None:
    port = await unused_port()
    path = tmp_path / "config.yaml"
    path.write_text(
        f"sidecar: {{discover: false}}\nrouter: {{listen: 127.0.0.1:{port}, sessions: {{store: memory}}}}\n"
    )
    async with AsyncExitStack() as stack:
        async with maek_serve(tmp_path, ["-c", str(path)]) as served:
            page = await stack.enter_async_context(page_at(served.url, bypass_csp=True))
            await expect(page.locator("#connection")).to_have_text("Live")
        assert served.process.returncode == 0  # a page that looks keeps nobody from stopping
        await expect(page.locator("#connection")).to_contain_text("trying again")
        await nothing_found(page)
        async with maek_serve(tmp_path, ["-c", str(path)]):
            await expect(page.locator("#connection")).to_have_text("Live")
            await say(page, "안녕")
            await expect(page.locator(".answer .text")).not_to_be_empty()


async def test_fifty_servers_can_be_filtered_and_sorted_by_how_busy_they_are() -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(SimSettings()))
        models = {"reasoner": "sim-large-32b"}
        backends = [
            {"name": f"server-{n:02}", "url": url.replace("127.0.0.1", f"127.0.0.{n + 1}"), "models": models}
            for n in range(50)
        ]
        config = config_for(backends)
        seldom = config.sidecar.model_copy(update={"retry_interval_seconds": 10.0})  # the browser wants the processor
        router = await stack.enter_async_context(maek(config.model_copy(update={"sidecar": seldom})))
        page = await stack.enter_async_context(page_at(router.url, bypass_csp=True))
        rows = page.locator("#fleet tr.one")
        await expect(rows).to_have_count(50)
        await expect(rows.first).to_contain_text("server-00")
        await page.check("#busiest")
        await expect(rows.last).to_contain_text("server-00")  # the only one that is there is the least busy
        await page.fill("#filter", "server-4")
        await expect(rows).to_have_count(10)
        await nothing_found(page)
        await page.fill("#filter", "no such thing")
        await expect(page.locator("#no-servers")).to_have_text("No server matches the filter.")


@pytest.mark.parametrize("width", [360, 1440])
async def test_a_long_korean_answer_stays_within_its_place(width: int) -> None:
    words = "가나다라마바사아자차카타파하" * 4 + " 동해물과 백두산이 마르고 닳도록\n"
    behaviour = answering({"GET /v1/models": MODELS, "POST /v1/chat/completions": streamed(words * 300)})
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(serving_fake(behaviour))
        backend = {"name": "long", "url": fake.url, "models": {"reasoner": "gemma4"}}
        router = await stack.enter_async_context(maek(config_for([backend])))
        page = await stack.enter_async_context(page_at(router.url, viewport={"width": width, "height": 800}))
        await say(page, "양자역학 설명해줘")
        await expect(page.locator(".answer")).to_have_attribute("aria-busy", "false")
        assert len(await page.locator(".answer .text").inner_text()) > 300 * 50
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        below = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
        await page.wait_for_function(f"({below})(document.getElementById('log')) < 60")


async def test_text_of_servers_models_and_users_never_becomes_markup() -> None:
    models = {"object": "list", "data": [{"id": CANARY, "object": "model", "owned_by": CANARY}]}
    behaviour = answering({"GET /v1/models": models, "POST /v1/chat/completions": streamed(CANARY)})
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(serving_fake(behaviour))
        backend = {"name": "evil", "url": fake.url, "models": {"reasoner": CANARY}}
        router = await stack.enter_async_context(maek(config_for([backend])))
        page = await stack.enter_async_context(page_at(router.url))
        await expect(page.locator("#fleet .name .sub")).to_contain_text(CANARY)
        await page.locator("#fleet .open").click()
        await expect(page.locator(".facts")).to_contain_text(CANARY)
        await say(page, f"{CANARY} 설명해줘")
        await expect(page.locator(".answer .text")).to_have_text(CANARY)
        await expect(page.locator("#decision-list")).to_contain_text(CANARY)
        assert await page.locator("main img, body script").count() == 0
        assert await page.title() == "Maek"


async def test_with_keys_it_asks_for_one_keeps_it_for_the_tab_and_sends_it() -> None:
    key, digest = new_key()
    async with AsyncExitStack() as stack:
        router, _ = await stack.enter_async_context(maek_with_simulators(SLOW, keys=[{"hash": digest}]))
        page = await stack.enter_async_context(page_at(router.url, bypass_csp=True))
        await expect(page.locator("#key")).to_be_focused()
        await nothing_found(page)
        await page.keyboard.type("wrong")
        await page.keyboard.press("Enter")
        await expect(page.locator("#door-error")).to_have_text("Maek does not know this key.")
        await page.fill("#key", key)
        await page.keyboard.press("Enter")
        await expect(page.locator("#connection")).to_have_text("Live")
        await page.reload()
        await expect(page.locator("#connection")).to_have_text("Live")
        await expect(page.locator("#fleet tr.one")).to_have_count(1)
        assert await page.evaluate("[Object.values(sessionStorage), JSON.stringify(localStorage)]") == [[key], "{}"]
        await page.click("#forget")
        await expect(page.locator("#key")).to_be_focused()
        await expect(page.locator("#fleet tr.one")).to_have_count(0)


async def test_it_speaks_the_language_of_the_browser_and_the_one_that_was_chosen() -> None:
    async with maek_with_simulators(SLOW) as (router, _), page_at(router.url, locale="ko-KR") as page:
        await expect(page.locator("#servers-title")).to_have_text("서버")
        await expect(page.locator("#fleet .level")).to_contain_text("여유")
        await page.locator("button[data-lang=en]").click()
        await expect(page.locator("#fleet .level")).to_contain_text("free")
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(page.locator("#fleet .level")).to_contain_text("free")


async def test_whoever_does_not_look_is_not_told() -> None:
    async with maek_with_simulators(SLOW) as (router, _):
        live: Live = router.house.parts.live
        async with page_at(router.url) as page:
            await expect(page.locator("#connection")).to_have_text("Live")
            assert live.listeners == 1
        await until(lambda: live.listeners == 0)


async def nothing_found(page: Page) -> None:
    """Look at the page with axe, as it stands now."""
    found = await Axe().run(page)
    assert {one["id"]: [node["html"] for node in one["nodes"]] for one in found.response["violations"]} == {}


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
async def test_axe_finds_nothing(colours: Any, width: int, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        router, _ = await stack.enter_async_context(maek_with_simulators(SLOW, SLOW, data_dir=str(tmp_path)))
        await router.post("/chat", {"message": "내일 3시 회의 잡아줘", "session": "kitchen"})
        await router.post("/jobs", {"message": "양자역학 설명해줘"})
        browser: Browser = await stack.enter_async_context(chromium())
        page = await stack.enter_async_context(
            looking(
                browser, router.url, color_scheme=colours, viewport={"width": width, "height": 900}, bypass_csp=True
            )
        )
        await say(page, "양자역학 설명해줘")
        await expect(page.locator(".answer .foot .open")).to_be_visible()
        await page.locator("#fleet .open").first.click()
        await page.locator("#decision-list .open").first.click()
        await expect(page.locator("#decision-list .why table")).to_be_visible()
        await expect(page.locator("#draft-list li")).to_be_visible()
        await expect(page.locator("#job-list li")).to_be_visible()
        await nothing_found(page)
        await page.locator("#fleet tr.detail:not([hidden]) .deeds button").click()
        await expect(page.locator("#sure-no")).to_be_focused()
        await nothing_found(page)


async def test_everything_can_be_reached_by_keyboard_and_shows_where_it_is() -> None:
    async with maek_with_simulators(SLOW) as (router, _), page_at(router.url) as page:
        await expect(page.locator("#fleet tr.one")).to_have_count(1)
        reached = []
        while (await page.keyboard.press("Tab")) or await page.evaluate("document.activeElement !== document.body"):
            reached.append(await page.evaluate("document.activeElement.id || document.activeElement.innerText"))
            assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached[:9] == ["Skip to the chat", "한국어", "English", "Auto", "Light", "Dark", "sim0", "new-chat", "log"]
    assert {"message", "role", "send"} <= {*reached}
