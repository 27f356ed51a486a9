"""A real Chromium for the tests of the status page, driven by Playwright.

`apt-get install chromium` brings it. Without it tests are skipped, but on CI they fail: there it is wanted.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

LONGEST_MS = 20_000
"""For what takes milliseconds, on machines that are busy."""


def executable() -> str:
    """The path of Chromium; skips the test that asks if there is none, or fails it on CI."""
    found = shutil.which("chromium")
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("apt-get install chromium")
    pytest.skip("apt-get install chromium")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser without a window. It may run as root, hence without its sandbox."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def looking(browser: Browser, url: str, **options: Any) -> AsyncIterator[Page]:
    """The status page in a window of its own. Fails if the page broke, or if its policy had to refuse something."""
    context = await browser.new_context(**({"locale": "en-US"} | options))
    context.set_default_timeout(LONGEST_MS)
    page = await context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda said: broken.append(said.text) if _is_broken(said.type, said.text) else None)
    await page.goto(url)
    try:
        yield page
    finally:
        await context.close()
    assert broken == []


def _is_broken(kind: str, text: str) -> bool:
    """What a browser says of requests that fail is no fault of the page."""
    return kind == "error" and "Failed to load resource" not in text
