"""A Discord bot in front of Maek, in one file to copy. How to set it up, and what it does: docs/gateways.md

From docs.discord.com/developers: the gateway says hello (10) with the pace of heartbeats (1), and answers each (11);
after any end but an invalid session (9) or our own closing with 1000 or 1001 the session can be resumed (6). A bot with
no privileged intents reads direct messages and those that mention it. 2000 characters a message; 429: `retry_after`.
"""

import asyncio
import json
import logging
import os
import random
import re
import time
from collections import deque
from contextlib import suppress
from typing import Any

import aiohttp

API = os.environ.get("DISCORD_API", "https://discord.com/api/v10")
MAEK = os.environ.get("MAEK_URL", "http://127.0.0.1:8484")
KEY, TOKEN = {"authorization": f"Bearer {os.environ.get('MAEK_KEY', '')}"}, os.environ["DISCORD_TOKEN"]
ALLOWED = set(os.environ.get("DISCORD_ALLOWED", "").split())  # ids of users and channels; nobody else is answered
AWAY = "지금은 답할 수 없어요. 잠시 뒤에 다시 말씀해 주세요. / I cannot answer now; please try again in a minute."
FAILURES = (aiohttp.ClientError, TimeoutError, ValueError, TypeError)  # not reached, too late, or not JSON
IDENTITY = {"os": "linux", "browser": "maek", "device": "maek"}
INTENTS = 1 << 9 | 1 << 12  # messages in servers, direct messages
replies = deque[asyncio.Task[None]](maxlen=1000)  # the last ones, by the message: what comes again is known


async def call(web: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:
    """What Discord answers, after the pauses that it asks for and a few tries to reach it; empty: it cannot be had."""
    for tries in range(5):
        answer: Any = {"message": "not reached", "retry_after": 2**tries}
        with suppress(*FAILURES):
            async with web.request(
                method, API + path, json=body, headers={"authorization": f"Bot {TOKEN}"}
            ) as response:
                answer = await response.json(content_type=None) if response.status != 204 else {}
                if response.ok:
                    return answer
        logging.warning("%s: %s", path, answer["message"])
        if "retry_after" not in answer:
            break
        await asyncio.sleep(answer["retry_after"])
    return {}


async def reply(web: aiohttp.ClientSession, channel: str, session: str, words: str) -> None:
    """Has Maek answer, and shows the answer as it grows; whatever goes wrong is told in a sentence."""
    text, data, due, shown = "", dict[str, Any](), 0.0, dict[int, tuple[str, str]]()

    async def show(so_far: str) -> None:  # in as many messages as it needs, each up to the end of a word
        for number, piece in enumerate(re.findall(r"(?s)\S.{0,1898}\S(?=\s|$)|\S.{0,1899}", so_far)):
            known, before = shown.get(number, ("", ""))
            if piece != before:
                said = {"content": piece, "allowed_mentions": {"parse": []}}  # no answer calls @everyone
                path = f"/channels/{channel}/messages/{known}".rstrip("/")
                sent = await call(web, "PATCH" if known else "POST", path, said)
                shown[number] = sent.get("id", known), piece

    await call(web, "POST", f"/channels/{channel}/typing", {})
    with suppress(*FAILURES):
        body = {"message": words, "session": session, "stream": True}
        async with web.post(f"{MAEK}/chat", json=body, headers=KEY) as answer:
            async for line in answer.content:
                if line.startswith((b"data: ", b"{")):  # an event of the answer, or the body of an error
                    data = json.loads(line.removeprefix(b"data: "))
                    text += data.get("text", "") if "usage" not in data else ""  # the last event has it all again
                if (text or "notice" in data) and time.monotonic() >= due:
                    await show(text or data["notice"])
                    due = time.monotonic() + 1.2
    text += "" if "usage" in data else "\n\n" + data.get("error", {}).get("message", AWAY)  # if it has not ended well
    await asyncio.sleep(due - time.monotonic())
    await show(text)


def heard(web: aiohttp.ClientSession, message: dict[str, Any], me: str) -> None:
    """Answers a message that is meant for the bot, once, if it comes from a person who may ask."""
    user, channel = message["author"], message["channel_id"]
    meant = "guild_id" not in message or me in {one["id"] for one in message["mentions"]}
    if user.get("bot") or not meant or message["id"] in {task.get_name() for task in replies}:
        return
    if not {user["id"], channel} & ALLOWED:
        logging.warning("not in DISCORD_ALLOWED: user %s in channel %s", user["id"], channel)
    elif words := re.sub(f"<@!?{me}>", "", message["content"]).strip():
        answering = reply(web, channel, f"discord.{channel}.{user['id']}", words)
        replies.append(asyncio.create_task(answering, name=message["id"]))


async def beat(socket: aiohttp.ClientWebSocketResponse, state: dict[str, Any], pace: float) -> None:
    """Shows Discord that the bot lives. Where no answer comes nobody is there any more: closed, to be resumed."""
    state["answered"] = True
    await asyncio.sleep(pace * random.random())  # noqa: S311 - so that not all bots beat at once
    with suppress(*FAILURES):
        while state["answered"]:
            state["answered"] = False
            await socket.send_json({"op": 1, "d": state.get("seq")})
            await asyncio.sleep(pace)
        await socket.close(code=4000)


async def listen(web: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, state: dict[str, Any]) -> None:
    """One connection to the gateway, until it ends; what is needed to resume its session stays in `state`."""
    pace = (await socket.receive_json())["d"]["heartbeat_interval"] / 1000
    resume = {"token": TOKEN, "session_id": state.get("session_id"), "seq": state.get("seq")}
    identify = {"token": TOKEN, "intents": INTENTS, "properties": IDENTITY}
    await socket.send_json({"op": 6, "d": resume} if "session_id" in state else {"op": 2, "d": identify})
    beating = asyncio.create_task(beat(socket, state, pace))
    try:
        async for frame in socket:
            event = frame.json()
            state["seq"] = event.get("s") or state.get("seq")
            if event.get("t") == "READY":
                state |= {key: event["d"][key] for key in ("session_id", "resume_gateway_url", "user")}
            elif event.get("t") == "MESSAGE_CREATE":
                heard(web, event["d"], state["user"]["id"])
            elif event["op"] == 1:
                await socket.send_json({"op": 1, "d": state["seq"]})
            elif event["op"] == 11:
                state["answered"] = True
            elif event["op"] == 7 or (event["op"] == 9 and event["d"]):
                break
            elif event["op"] == 9:
                state.clear()
                break
    finally:
        beating.cancel()
        await socket.close(code=4000)  # with 1000 the session would be over


async def main() -> None:
    """Stays connected for ever; the pause before another try doubles until one has worked."""
    state, pause = dict[str, Any](), 1
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=90), read_bufsize=2**20) as web:
        while True:
            before = state.get("seq")
            url = state.get("resume_gateway_url") or (await call(web, "GET", "/gateway/bot")).get("url", "")
            with suppress(*FAILURES):
                async with web.ws_connect(f"{url}/?v=10&encoding=json") as socket:
                    await listen(web, socket, state)
            pause = 1 if state.get("seq") != before else min(2 * pause, 120)
            if pause > 30:  # whatever there was to resume is over by now
                state.clear()
            logging.warning("gateway: connecting again in %s s", pause)
            await asyncio.sleep(pause)


asyncio.run(main())
