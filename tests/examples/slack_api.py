"""Slack, as far as a bot in Socket Mode uses it. Written from docs.slack.dev: Socket Mode, and the methods' pages.

Rules of this file
- `apps.connections.open` wants the app's token, all else the bot's; refusals are 200 with `ok: false`, but for 429.
- Everything for the bot is an envelope. One that was not acknowledged goes to the next connection.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.examples.screen import Screen

APP, BOT = "xapp-slack-secret", "xoxb-slack-secret"


class Slack:
    """One app's side of Slack."""

    name = "slack"
    user = "U7"

    def __init__(self) -> None:
        self.screen = Screen(longest=4000)
        self.url = ""
        self.room = "D0"
        """Where one writes."""
        self.opened = 0
        self.acknowledged: list[str] = []
        self._sockets: list[web.WebSocketResponse] = []
        self._envelopes: dict[str, dict[str, Any]] = {}
        self._number = 0

    @property
    def environ(self) -> dict[str, str]:
        """What the bot is started with."""
        tokens = {"SLACK_APP_TOKEN": APP, "SLACK_BOT_TOKEN": BOT}
        return {"SLACK_API": f"{self.url}/api/", "SLACK_ALLOWED": f"{self.user} C9", **tokens}

    def begin(self) -> None:
        """Whoever writes from now on does so in another room."""
        self.room = f"D{self._number + 1}"

    async def say(self, text: str, *, user: str = user, **event: Any) -> dict[str, Any]:
        """Somebody writes to the bot, in a direct message unless `event` says otherwise."""
        self._number += 1
        said = {"type": "message", "channel_type": "im", "channel": self.room, "user": user, "text": text}
        said |= {"ts": f"1700.{self._number:04}", **event}
        await self.deliver(said)
        return said

    async def deliver(self, event: dict[str, Any], retry_attempt: int = 0) -> None:
        """An event in an envelope of its own, now or with the next connection."""
        envelope_id = f"envelope-{len(self._envelopes) + 1}"
        payload = {"type": "event_callback", "event_id": f"Ev{event['ts']}", "event": event}
        envelope = {"type": "events_api", "envelope_id": envelope_id, "accepts_response_payload": False}
        self._envelopes[envelope_id] = {**envelope, "payload": payload, "retry_attempt": retry_attempt}
        for socket in self._sockets:
            await socket.send_json(self._envelopes[envelope_id])

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Announces the end of every connection, as Slack does now and then; nothing more is delivered there."""
        for socket in self._leave():
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}})

    async def cut(self) -> None:
        """Every connection breaks, without a word."""
        for socket in self._leave():
            await socket.close(code=1006)

    def _leave(self) -> list[web.WebSocketResponse]:
        left, self._sockets = self._sockets, []
        return left

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call of the Web API."""
        method = request.match_info["method"]
        token = APP if method == "apps.connections.open" else BOT
        if request.headers.get("authorization") != f"Bearer {token}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        if method == "apps.connections.open":
            self.opened += 1
            return web.json_response({"ok": True, "url": f"{self.url.replace('http', 'ws', 1)}/link"})
        fields = await request.json()
        if self.screen.refuses():
            headers = {"retry-after": str(self.screen.pause_seconds)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        if not fields.get("thread_ts", True):
            self.screen.faults.append("a thread that is none")
        if method == "chat.postMessage":
            message = self.screen.post(fields["channel"], fields["text"], thread=fields.get("thread_ts"))
        else:
            assert method == "chat.update"
            message = self.screen.edit(fields["ts"], fields["text"])
        return web.json_response({"ok": True, "channel": message.channel, "ts": message.id})

    async def link(self, request: web.Request) -> web.StreamResponse:
        """The websocket."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"}})
        self._sockets.append(socket)
        for envelope_id, envelope in self._envelopes.items():
            if envelope_id not in self.acknowledged:
                await socket.send_json(envelope)
        async for frame in socket:  # aiohttp answers pings
            self.acknowledged.append(frame.json()["envelope_id"])
        self._sockets = [other for other in self._sockets if other is not socket]
        return socket

    @property
    def connected(self) -> bool:
        """Whether the bot is there."""
        return bool(self._sockets)


@asynccontextmanager
async def slack() -> AsyncIterator[Slack]:
    """Slack on a loopback port."""
    service = Slack()
    app = web.Application()
    app.router.add_post("/api/{method}", service.answer)
    app.router.add_get("/link", service.link)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await service.cut()
        await runner.cleanup()
