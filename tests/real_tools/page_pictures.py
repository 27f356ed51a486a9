"""The pictures of the status page in docs/images, made anew: `python -m tests.real_tools.page_pictures`.

Servers are simulators, and the hour behind them is made up; everything else is as it comes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from math import sin
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Page

from router.web.history import POINT_SECONDS, POINTS, Look
from simulator import Engine, SimSettings, serving
from tests.fakes.backends import unused_port
from tests.fakes.routers import Maek, config_for, maek
from tests.real_tools.browsers import chromium, looking

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

SAID = (
    "양자역학 설명해줘",
    "ASME Section VIII 관련 자료",
    "Explain how tides work",
    "광합성 설명해줘",
    "안녕",
    "이번주 일정",
    "블랙홀 설명해줘",
)

MACHINES = {
    "mac-mini": (Engine.OPENAI, "sim-small-1b", 4),
    "gpu-4090": (Engine.OLLAMA, "sim-large-32b", 4),
    "lab-a100": (Engine.VLLM, "sim-large-32b", 16),
    "lab-l40s": (Engine.VLLM, "sim-large-32b", 8),
    "workstation": (Engine.LLAMACPP, "sim-large-32b", 2),
}


@asynccontextmanager
async def fleet() -> AsyncIterator[Maek]:
    """Five servers that are well, one that is not, and an hour behind them."""
    async with AsyncExitStack() as stack:
        backends = []
        for name, (engine, model, slots) in MACHINES.items():
            url = await stack.enter_async_context(serving(SimSettings(engine=engine, preset="demo", slots=slots)))
            role = "classifier" if "small" in model else "reasoner"
            backends.append({"name": name, "url": url, "models": {role: model}, "slots": slots})
        nobody = f"http://127.0.0.1:{await unused_port()}"
        backends.append({"name": "old-laptop", "url": nobody, "models": {"reasoner": "sim-large-32b"}, "slots": 1})
        folder = await asyncio.to_thread(stack.enter_context, TemporaryDirectory())
        router = await stack.enter_async_context(maek(config_for(backends, data_dir=folder)))
        _an_hour(router, [backend["name"] for backend in backends])
        yield router


def _an_hour(router: Maek, names: list[str]) -> None:
    now = router.house.snapshot().now
    for minute in range(POINTS, 0, -1):
        looks = []
        for number, name in enumerate(names):
            busy = max(0, round(3 + 3 * sin(minute / (5 + number)) + 2 * sin(minute / 2.3 + number)))
            level = 4 if name == "old-laptop" and minute < 22 else min(3, busy // (2 + number % 2))
            looks.append(Look(name, level, 0 if level == 4 else busy, 180.0 + 60 * busy))
        router.house.parts.live.history.look(now - minute * POINT_SECONDS, looks)


async def crowd(router: Maek, many: int) -> None:
    """Others who ask the same servers."""

    async def one(number: int) -> None:
        body = {"message": SAID[number % len(SAID)], "stream": True}
        async with router.client.post(router.url + "/chat", json=body) as response:
            await response.read()

    await asyncio.gather(*(one(number) for number in range(many)))


async def talk(page: Page, *messages: str) -> None:
    """Say this in the page, one after the other."""
    for said, message in enumerate(messages, 1):
        await page.fill("#message", message)
        await page.press("#message", "Enter")
        await page.locator(".answer[aria-busy=false]").nth(said - 1).wait_for()


async def main() -> None:
    """Write them all."""
    async with fleet() as router, chromium() as browser:
        await crowd(router, 24)
        for name, options in {
            "page-light": {"viewport": DESKTOP, "color_scheme": "light"},
            "page-dark": {"viewport": DESKTOP, "color_scheme": "dark", "locale": "ko-KR"},
            "page-phone": {"viewport": PHONE, "color_scheme": "dark", "locale": "ko-KR", "device_scale_factor": 2},
        }.items():
            async with looking(browser, router.url, **options) as page:
                await page.locator("#fleet tr.one").nth(len(MACHINES)).wait_for()
                busy = asyncio.create_task(crowd(router, 14))
                korean = options.get("locale") == "ko-KR"
                draft = "다음주 화요일 3시 팀 회의 잡아줘" if korean else "Book a team meeting next Tuesday at 3pm"
                await router.post("/chat", {"message": draft, "session": "kitchen"})
                await talk(
                    page,
                    *(
                        ("오늘 일정", "양자역학 설명해줘")
                        if korean
                        else ("What's on my calendar today?", "Explain tides")
                    ),
                )
                await busy
                busy = asyncio.create_task(crowd(router, 14))
                await page.wait_for_timeout(1600)
                await page.evaluate("scrollTo(0, 0)")
                await page.screenshot(path=IMAGES / f"{name}.png")
                await busy


if __name__ == "__main__":
    asyncio.run(main())
