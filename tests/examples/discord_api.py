"""Discord, as far as a bot with a gateway connection uses it. Written from docs.discord.com/developers: "Gateway",
"Opcodes and Status Codes", "Rate Limits" and "Message".

Rules of this file
- Every event has a number. A resumed session gets those that it has not seen, then RESUMED; one whose connection the
  bot closed with 1000 or 1001 is over, and gets an invalid session (9, false).
- Each heartbeat must bring the last number, and is acknowledged unless `deaf`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from tests.examples.screen import Screen

TOKEN = "discord-secret"
ME = {"id": "99", "username": "maek", "bot": True}
PRIVILEGED = 1 << 1 | 1 << 8 | 1 << 15


class Discord:
    """One bot's side of Discord."""

    name = "discord"
    user = "7"

    def __init__(self) -> None:
        self.screen = Screen(longest=2000, between_edits_seconds=1.0)
        self.url = ""
        self.identified = 0
        self.resumed = 0
        self.beats = 0
        self.typed = 0
        self.beat_ms = 41250
        self.deaf = False
        """Whether heartbeats are not answered."""
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
        return {"DISCORD_API": f"{self.url}/api/v10", "DISCORD_TOKEN": TOKEN, **allowed}

    @property
    def connected(self) -> bool:
        """Whether the bot is there."""
        return bool(self._sockets)

    async def say(self, text: str, *, user: str = user, is_bot: bool = False, **message: Any) -> dict[str, Any]:
        """Somebody writes to the bot, in a direct message unless `message` says otherwise."""
        self._number += 1
        author = {"id": user, "username": "kim"} | ({"bot": True} if is_bot else {})
        said = {"id": str(800 + self._number), "channel_id": "3000", "author": author, "content": text, "mentions": []}
        await self.deliver(said | message)
        return said | message

    async def deliver(self, message: dict[str, Any]) -> None:
        """An event with a number of its own, now or when the session is resumed."""
        self._events.append({"op": 0, "t": "MESSAGE_CREATE", "s": len(self._events) + 1, "d": message})
        for socket in self._sockets:
            self._delivered = len(self._events)
            await socket.send_json(self._events[-1])

    async def send(self, op: int, data: object = None) -> None:
        """A word of the gateway's own: 7 reconnect, 9 invalid session."""
        self._over = self._over or (op == 9 and data is False)
        for socket in list(self._sockets):
            await socket.send_json({"op": op, "d": data, "s": None, "t": None})

    async def cut(self) -> None:
        """Every connection breaks, without a word."""
        for socket in list(self._sockets):
            await socket.close(code=4000)

    async def gateway_bot(self, request: web.Request) -> web.StreamResponse:
        """Where the gateway is."""
        if request.headers.get("authorization") != f"Bot {TOKEN}":
            return web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)
        return web.json_response({"url": f"{self.url.replace('http', 'ws', 1)}/first", "shards": 1})

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
            return web.json_response(limit, status=429)
        known = request.match_info.get("message")
        if known is None:
            message = self.screen.post(request.match_info["channel"], fields["content"])
        else:
            message = self.screen.edit(known, fields["content"])
        return web.json_response({"id": message.id, "channel_id": message.channel})

    async def typing(self, _request: web.Request) -> web.StreamResponse:
        """ "typing" is shown."""
        self.typed += 1
        return web.Response(status=204)

    async def gateway(self, request: web.Request) -> web.StreamResponse:
        """The websocket: hello, then a new session or an old one."""
        assert dict(request.query) == {"v": "10", "encoding": "json"}
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": self.beat_ms}, "s": None, "t": None})
        first = await socket.receive_json()
        assert first["d"]["token"] == TOKEN
        await (self._identify(socket, first["d"]) if first["op"] == 2 else self._resume(socket, request, first["d"]))
        self._sockets.append(socket)
        while (frame := await socket.receive()).type is WSMsgType.TEXT:
            assert frame.json() == {"op": 1, "d": len(self._events)}, "a heartbeat has the number of the last event"
            self.beats += 1
            if not self.deaf:
                await socket.send_json({"op": 11, "d": None, "s": None, "t": None})
        self._sockets.remove(socket)
        self._over = self._over or (frame.type is WSMsgType.CLOSE and frame.data in (1000, 1001))
        return socket

    async def _identify(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
        assert data["intents"] & PRIVILEGED == 0
        assert set(data["properties"]) == {"os", "browser", "device"}
        self.identified += 1
        self._over = False
        about = {"v": 10, "user": ME, "session_id": f"s{self.identified}"}
        about["resume_gateway_url"] = f"{self.url.replace('http', 'ws', 1)}/again"
        waiting, self._events = self._events, [{"op": 0, "t": "READY", "s": 1, "d": about}]
        await socket.send_json(self._events[0])
        if self.identified == 1:  # what was said before anybody listened is not lost to a test
            for event in waiting:
                self._events.append({**event, "s": len(self._events) + 1})
                await socket.send_json(self._events[-1])
        self._delivered = len(self._events)

    async def _resume(self, socket: web.WebSocketResponse, request: web.Request, data: dict[str, Any]) -> None:
        assert request.path == "/again/"
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


@asynccontextmanager
async def discord() -> AsyncIterator[Discord]:
    """Discord on a loopback port."""
    service = Discord()
    app = web.Application()
    app.router.add_get("/api/v10/gateway/bot", service.gateway_bot)
    app.router.add_post("/api/v10/channels/{channel}/messages", service.write)
    app.router.add_post("/api/v10/channels/{channel}/typing", service.typing)
    app.router.add_patch("/api/v10/channels/{channel}/messages/{message}", service.write)
    app.router.add_get("/first/", service.gateway)
    app.router.add_get("/again/", service.gateway)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await service.cut()
        await runner.cleanup()
