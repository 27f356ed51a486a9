"""Discord, as far as a bot with a gateway connection uses it. Written from docs.discord.com/developers: "Gateway",
"Opcodes and Status Codes", "Rate Limits" and "Message".

Rules of this file
- Every event has a number. A resumed session gets those that it has not seen, then RESUMED; one whose connection the
  bot closed with 1000 or 1001 is over, and gets an invalid session (9, false).
- When to beat, and what to do when nobody answers, is discord.py's affair: heartbeats are acknowledged, no more.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from tests.examples.screen import Screen

TOKEN = "discord-secret"
ME = {"id": "99", "username": "maek", "discriminator": "0", "avatar": None, "bot": True}
APPLICATION = {
    "id": "98",
    "name": "maek",
    "description": "",
    "icon": None,
    "owner": {**ME, "id": "6"},
    "verify_key": "",
}
APPLICATION |= {"bot_public": False, "bot_require_code_grant": False}
SERVER = "5000"
PRIVILEGED = 1 << 1 | 1 << 8 | 1 << 15


class Discord:
    """One bot's side of Discord."""

    name = "discord"
    user = "7"

    def __init__(self) -> None:
        self.screen = Screen(longest=2000, pause_seconds=0.1)
        self.url = ""
        self.identified = 0
        self.resumed = 0
        self.typed = 0
        self.room = "3000"
        """The channel in which one writes."""
        self._events: list[dict[str, Any]] = []
        self._delivered = 0
        """The number of the last event that the bot has been given."""
        self._over = True
        """Whether the session cannot be resumed."""
        self._sockets: list[web.WebSocketResponse] = []
        self._number = 0

    @property
    def environ(self) -> dict[str, str]:
        """What the bot is started with."""
        allowed = {"DISCORD_ALLOWED": f"{self.user} 4000"}
        pointers = {"DISCORD_API": f"{self.url}/api/v10", "DISCORD_GATEWAY": f"{self._gateway}/first"}
        return {"DISCORD_TOKEN": TOKEN, **allowed, **pointers}

    @property
    def _gateway(self) -> str:
        return self.url.replace("http", "ws", 1)

    @property
    def connected(self) -> bool:
        """Whether the bot is there."""
        return bool(self._sockets)

    def begin(self) -> None:
        """Whoever writes from now on does so in another room."""
        self.room, self.typed = str(3000 + self._number + 1), 0

    async def say(self, text: str, *, user: str = user, is_bot: bool = False, **message: Any) -> dict[str, Any]:
        """Somebody writes to the bot, in a direct message unless `message` says otherwise."""
        self._number += 1
        author = {**ME, "id": user, "username": "kim", "bot": is_bot}
        said = _message(str(800 + self._number), self.room, text) | {"author": author, **message}
        await self.deliver(said)
        return said

    async def deliver(self, message: dict[str, Any]) -> None:
        """An event with a number of its own, now or when the session is resumed."""
        self._events.append({"op": 0, "t": "MESSAGE_CREATE", "s": len(self._events) + 1, "d": message})
        for socket in self._sockets:
            self._delivered = len(self._events)
            await socket.send_json(self._events[-1])

    async def ask_to_reconnect(self) -> None:
        """The gateway announces that it goes, as it does now and then; nothing more is delivered there."""
        for socket in self._leave():
            await socket.send_json({"op": 7, "d": None, "s": None, "t": None})

    async def cut(self) -> None:
        """Every connection breaks, without a word."""
        for socket in self._leave():
            await socket.close(code=4000)

    def _leave(self) -> list[web.WebSocketResponse]:
        left, self._sockets = self._sockets, []
        return left

    async def about(self, request: web.Request) -> web.StreamResponse:
        """Who the bot is, or its application."""
        if request.headers.get("authorization") != f"Bot {TOKEN}":
            return _json({"message": "401: Unauthorized", "code": 0}, status=401)
        return _json(ME if "users" in request.path else APPLICATION)

    async def write(self, request: web.Request) -> web.StreamResponse:
        """A new message, or an edit."""
        assert request.headers["authorization"] == f"Bot {TOKEN}"
        fields = await request.json()
        if fields["allowed_mentions"] != {"parse": []}:
            self.screen.faults.append("may call everyone")
        if self.screen.refuses():
            limit = {
                "message": "You are being rate limited.",
                "retry_after": self.screen.pause_seconds,
                "global": False,
            }
            return _json(limit, status=429, headers={"via": "1.1 google"})
        known = request.match_info.get("message")
        if known is None:
            message = self.screen.post(request.match_info["channel"], fields["content"])
        else:
            message = self.screen.edit(known, fields["content"])
        return _json(_message(message.id, message.channel, message.texts[-1]))

    async def typing(self, _request: web.Request) -> web.StreamResponse:
        """ "typing" is shown."""
        self.typed += 1
        return web.Response(status=204)

    async def gateway(self, request: web.Request) -> web.StreamResponse:
        """The websocket: hello, then a new session or an old one."""
        assert (request.query["v"], request.query["encoding"]) == ("10", "json")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}, "s": None, "t": None})
        while (first := await socket.receive_json())["op"] == 1:  # it beats before it says who it is
            await socket.send_json({"op": 11, "d": None, "s": None, "t": None})
        assert first["d"]["token"] == TOKEN
        await (self._identify(socket, first["d"]) if first["op"] == 2 else self._resume(socket, request, first["d"]))
        self._sockets.append(socket)
        while (frame := await socket.receive()).type is WSMsgType.TEXT:
            if frame.json()["op"] == 1:
                await socket.send_json({"op": 11, "d": None, "s": None, "t": None})
        self._sockets = [other for other in self._sockets if other is not socket]
        self._over = self._over or (frame.type is WSMsgType.CLOSE and frame.data in (1000, 1001))
        return socket

    async def _identify(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
        assert data["intents"] & PRIVILEGED == 0
        self.identified += 1
        self._over = False
        guilds = [{"id": SERVER, "unavailable": True}]
        about = {"v": 10, "user": ME, "session_id": f"s{self.identified}", "guilds": guilds}
        about["resume_gateway_url"] = f"{self._gateway}/again"
        waiting, self._events = self._events, [{"op": 0, "t": "READY", "s": 1, "d": about}]
        await socket.send_json(self._events[0])
        if self.identified == 1:  # what was said before anybody listened is not lost to a test
            for event in waiting:
                self._events.append({**event, "s": len(self._events) + 1})
                await socket.send_json(self._events[-1])
        self._delivered = len(self._events)

    async def _resume(self, socket: web.WebSocketResponse, request: web.Request, data: dict[str, Any]) -> None:
        assert request.path == "/again"
        if self._over or data["session_id"] != f"s{self.identified}":
            await socket.send_json({"op": 9, "d": False, "s": None, "t": None})
            return
        self.resumed += 1
        if data["seq"] != self._delivered:
            self.screen.faults.append("resumed at another event than the last one")
        for event in self._events[data["seq"] :]:
            await socket.send_json(event)
        self._events.append({"op": 0, "t": "RESUMED", "s": len(self._events) + 1, "d": {}})
        self._delivered = len(self._events)
        await socket.send_json(self._events[-1])


def _json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """As Discord sends it: discord.py wants this content type, and no charset in it."""
    body = json.dumps(value).encode()
    return web.Response(body=body, status=status, headers={"content-type": "application/json", **(headers or {})})


def _message(message_id: str, channel: str, text: str) -> dict[str, Any]:
    head = {"id": message_id, "channel_id": channel, "author": ME, "content": text, "type": 0}
    return {**head, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "edited_timestamp": None}


@asynccontextmanager
async def discord() -> AsyncIterator[Discord]:
    """Discord on a loopback port."""
    service = Discord()
    app = web.Application()
    app.router.add_get("/api/v10/users/@me", service.about)
    app.router.add_get("/api/v10/oauth2/applications/@me", service.about)
    app.router.add_post("/api/v10/channels/{channel}/messages", service.write)
    app.router.add_post("/api/v10/channels/{channel}/typing", service.typing)
    app.router.add_patch("/api/v10/channels/{channel}/messages/{message}", service.write)
    app.router.add_get("/first", service.gateway)
    app.router.add_get("/again", service.gateway)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await service.cut()
        await runner.cleanup()
