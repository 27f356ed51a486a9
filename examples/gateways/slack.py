"""A Slack bot in front of Maek, in one file to copy. How to set it up, and what it does: docs/gateways.md

From docs.slack.dev (Socket Mode, Rate limits, chat.postMessage, Formatting message text): an envelope is acknowledged
within 3 s, or comes again; "disconnect" announces the end of a connection; one message a second in a channel, and 50
edits a minute or more; a 429 says `retry-after`; 4000 characters a message; & < > are written &amp; &lt; &gt;.
"""

import asyncio
import html
import json
import logging
import os
import re
import time
from collections import deque
from contextlib import suppress
from typing import Any

import aiohttp

API, MAEK = os.environ.get("SLACK_API", "https://slack.com/api"), os.environ.get("MAEK_URL", "http://127.0.0.1:8484")
KEY = {"authorization": f"Bearer {os.environ.get('MAEK_KEY', '')}"}
APP, BOT = ({"authorization": f"Bearer {os.environ[name]}"} for name in ("SLACK_APP_TOKEN", "SLACK_BOT_TOKEN"))
ALLOWED = set(os.environ.get("SLACK_ALLOWED", "").split())  # ids of users and channels; nobody else is answered
AWAY = "지금은 답할 수 없어요. 잠시 뒤에 다시 말씀해 주세요. / I cannot answer now; please try again in a minute."
FAILURES = (aiohttp.ClientError, TimeoutError, ValueError, TypeError)  # not reached, too late, or not JSON
replies = deque[asyncio.Task[None]](maxlen=1000)  # the last ones, by the message: what comes again is known


async def call(web: aiohttp.ClientSession, method: str, token: dict[str, str], **fields: Any) -> Any:
    """What Slack answers, after the pauses that it asks for and a few tries to reach it; empty: it cannot be had."""
    for tries in range(5):
        answer, pause = {"ok": False, "error": "not reached"}, 2**tries
        with suppress(*FAILURES):
            async with web.post(f"{API}/{method}", json=fields, headers=token) as response:
                answer = await response.json(content_type=None)
                pause = int(response.headers.get("retry-after", pause))
        if not answer["ok"]:
            logging.warning("%s: %s", method, answer["error"])
        if answer.get("error") not in ("ratelimited", "not reached"):
            return answer
        await asyncio.sleep(pause)
    return {}


async def reply(web: aiohttp.ClientSession, place: dict[str, str], session: str, words: str) -> None:
    """Has Maek answer, and shows the answer as it grows; whatever goes wrong is told in a sentence."""
    text, data, due, shown = "", dict[str, Any](), 0.0, dict[int, tuple[str, str]]()

    async def show(so_far: str) -> None:  # in as many messages as it needs, each up to the end of a word
        for number, piece in enumerate(re.findall(r"(?s)\S.{0,3498}\S(?=\s|$)|\S.{0,3499}", so_far)):
            known, before = shown.get(number, ("", ""))
            if piece != before:
                method = "chat.update" if known else "chat.postMessage"
                # Escaped, so that no answer calls <!channel>.
                sent = await call(web, method, BOT, **place, ts=known, text=html.escape(piece, quote=False))
                shown[number] = sent.get("ts", known), piece

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


def heard(web: aiohttp.ClientSession, event: dict[str, Any]) -> None:
    """Answers a message that is meant for the bot, once, if it comes from a person who may ask."""
    if not {"app_mention", "im"} & {event.get("type"), event.get("channel_type")} or {"bot_id", "subtype"} & set(event):
        return  # not for the bot, or by one, or no new message
    user, channel, at = event["user"], event["channel"], event["ts"]
    if not {user, channel} & ALLOWED:
        logging.warning("not in SLACK_ALLOWED: user %s in channel %s", user, channel)
    elif f"{channel} {at}" not in {task.get_name() for task in replies}:
        thread = event.get("thread_ts", "" if event.get("channel_type") == "im" else at)
        place = {"channel": channel} | ({"thread_ts": thread} if thread else {})
        words = html.unescape(re.sub(r"<@\w+>", "", event["text"], count=1)).strip()
        answering = reply(web, place, f"slack.{channel}.{thread}.{user}", words)
        replies.append(asyncio.create_task(answering, name=f"{channel} {at}"))


async def main() -> None:
    """Stays connected for ever."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=90), read_bufsize=2**20) as web:
        while True:
            opened = await call(web, "apps.connections.open", APP)
            with suppress(*FAILURES):
                async with web.ws_connect(opened.get("url", ""), heartbeat=30) as socket:
                    async for frame in socket:
                        envelope = frame.json()
                        if envelope["type"] == "disconnect":
                            break
                        if "envelope_id" in envelope:
                            await socket.send_json({"envelope_id": envelope["envelope_id"]})
                            heard(web, envelope["payload"].get("event", {}))
            await asyncio.sleep(3)


asyncio.run(main())
