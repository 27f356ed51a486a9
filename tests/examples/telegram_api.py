"""Telegram's Bot API, as far as a bot that polls uses it. Written from core.telegram.org/bots/api.

Rules of this file
- `getUpdates` holds the request until there is something, or its `timeout` is over; asking with an `offset` forgets
  every update before it, and whatever was not forgotten is sent again.
- Refusals have the shape of the real ones: `ok: false`, `error_code`, `description`, `parameters.retry_after` for 429.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.examples.screen import Screen

TOKEN = "4242:telegram-secret"


class Telegram:
    """One bot's side of Telegram."""

    name = "telegram"
    user = 7

    def __init__(self) -> None:
        self.screen = Screen(longest=4096)
        self.polls = 0
        self.cuts = 0
        """How many of the next answers with an update in them are lost on the way."""
        self.url = ""
        self.room = 0
        """The chat in which one writes."""
        self._updates: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self._number = 0

    @property
    def environ(self) -> dict[str, str]:
        """What the bot is started with."""
        return {"TELEGRAM_API": self.url, "TELEGRAM_TOKEN": TOKEN, "TELEGRAM_ALLOWED": f"{self.user} -1000"}

    def begin(self) -> None:
        """Whoever writes from now on does so in another room."""
        self.room = -1 - self._number

    async def say(self, text: str | None, *, user: int = user, chat: int | None = None, is_bot: bool = False) -> None:
        """Somebody writes; None: a sticker."""
        self._number += 1
        message: dict[str, Any] = {
            "message_id": 1000 + self._number,
            "from": {"id": user, "is_bot": is_bot, "first_name": "Kim"},
            "chat": {"id": chat or self.room, "type": "group"},
        }
        message |= {"sticker": {}} if text is None else {"text": text}
        self._updates.append({"update_id": 500 + self._number, "message": message})
        self._news.set()

    async def edit(self, text: str) -> None:
        """Somebody changes what he wrote: told to whoever did not say what he wants to hear of before that."""
        await self.say(text)
        self._updates[-1]["edited_message"] = self._updates[-1].pop("message")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call of the API."""
        if request.match_info["token"] != TOKEN:
            return _refusal(401, "Unauthorized")
        fields = await request.json()
        match request.match_info["method"]:
            case "getUpdates":
                return await self._get_updates(request, fields)
            case "sendMessage" | "editMessageText" if self.screen.refuses():
                pause = self.screen.pause_seconds
                return _refusal(429, f"Too Many Requests: retry after {pause}", {"retry_after": pause})
            case "sendMessage":
                message = self.screen.post(str(fields["chat_id"]), fields["text"])
                return _result({"message_id": int(message.id), "text": message.texts[-1]})
            case "editMessageText":
                message = self.screen.edit(str(fields["message_id"]), fields["text"])
                return _result({"message_id": fields["message_id"], "text": message.texts[-1]})
        return _refusal(404, "Not Found")

    async def _get_updates(self, request: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
        self._updates = [update for update in self._updates if update["update_id"] >= fields["offset"]]
        self._news.clear()
        self.polls += 1
        if not self._updates:
            try:
                await asyncio.wait_for(self._news.wait(), fields["timeout"])
            except TimeoutError:
                return _result([])
        if self.cuts:
            self.cuts -= 1
            assert request.transport is not None
            request.transport.abort()
        return _result(self._updates)


def _result(value: object) -> web.Response:
    return web.json_response({"ok": True, "result": value})


def _refusal(code: int, description: str, parameters: dict[str, int] | None = None) -> web.Response:
    more = {} if parameters is None else {"parameters": parameters}
    body = {"ok": False, "error_code": code, "description": description, **more}
    return web.json_response(body, status=code)


@asynccontextmanager
async def telegram() -> AsyncIterator[Telegram]:
    """Telegram on a loopback port."""
    service = Telegram()
    app = web.Application()
    app.router.add_post("/bot{token}/{method}", service.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()
