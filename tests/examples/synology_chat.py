"""Synology Chat, as far as a bot with two webhooks uses it. Written from kb.synology.com, Chat, "Integration"; the
refusal of posts that come too fast is not documented there, and is as people report it.

Rules of this file
- The incoming webhook's URL has its token in quotation marks, percent-encoded, and counts only as it was given.
- Posts closer than the pace of the tests are refused with error 411, in an answer with status 200.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from tests.examples.screen import PACE_SECONDS, Screen
from tests.real.servers import free_port

TOKEN, INCOMING = "outgoing-secret", "incoming-secret"


class Synology:
    """One channel's side of Synology Chat."""

    name = "synology"
    user = "7"

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self.screen = Screen(longest=2000, pause_seconds=PACE_SECONDS)
        self.url = ""
        self.room = "0"
        """The channel in which one writes."""
        self.bot_port = free_port()
        self.echoes = False
        """Whether the bot's posts go to the outgoing webhook, too, as if its owner had written them."""
        self.echoed = 0
        self._client = client
        self._posted_at = float("-inf")
        self._number = 0

    @property
    def environ(self) -> dict[str, str]:
        """What the bot is started with."""
        query = f"api=SYNO.Chat.External&method=incoming&version=2&token=%22{INCOMING}%22"
        secrets = {"SYNOLOGY_TOKEN": TOKEN, "SYNOLOGY_INCOMING_URL": f"{self.url}/webapi/entry.cgi?{query}"}
        return {"SYNOLOGY_PORT": str(self.bot_port), "SYNOLOGY_ALLOWED": self.user, **secrets}

    def begin(self) -> None:
        """Whoever writes from now on does so in another room."""
        self.room = str(self._number + 1)

    async def say(self, text: str, *, user: str = user, **form: str) -> int:
        """Somebody writes in the channel; the status of the bot's answer. The bot may still be starting."""
        self._number += 1
        said = {"token": TOKEN, "channel_id": self.room, "channel_name": "maek", "user_id": user, "username": "kim"}
        said |= {"post_id": str(600 + self._number), "timestamp": "1700000000", "text": text, **form}
        while True:
            try:
                async with self._client.post(f"http://127.0.0.1:{self.bot_port}/", data=said) as response:
                    return response.status
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.02)

    async def incoming(self, request: web.Request) -> web.StreamResponse:
        """A post of the bot's."""
        if f"token=%22{INCOMING}%22" not in request.raw_path:
            return web.json_response({"success": False, "error": {"code": 404}})
        now = asyncio.get_running_loop().time()
        early = now < self._posted_at + PACE_SECONDS
        if early:
            self.screen.faults.append("posted too fast")
        if self.screen.refuses() or early:
            return web.json_response({"success": False, "error": {"code": 411, "errors": "create post too fast"}})
        self._posted_at = now
        text = json.loads(str((await request.post())["payload"]))["text"]
        self.screen.post("5", text)
        if self.echoes:
            await self.say(text)
            self.echoed += 1
        return web.json_response({"success": True})


@asynccontextmanager
async def synology() -> AsyncIterator[Synology]:
    """Synology Chat on a loopback port."""
    async with aiohttp.ClientSession() as client:
        service = Synology(client)
        app = web.Application()
        app.router.add_post("/webapi/entry.cgi", service.incoming)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield service
        finally:
            await runner.cleanup()
