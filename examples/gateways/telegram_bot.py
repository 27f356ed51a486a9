"""A Telegram bot in front of Maek, in one file to copy. How to set it up, and what it does: docs/gateways.md"""

import asyncio
import json
import logging
import os
import re
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp

API = f"{os.environ.get('TELEGRAM_API', 'https://api.telegram.org')}/bot{os.environ['TELEGRAM_TOKEN']}"  # never logged
MAEK = os.environ.get("MAEK_URL", "http://127.0.0.1:8484")
KEY = {"authorization": f"Bearer {os.environ.get('MAEK_KEY', '')}"}
OPTIONS: dict[str, Any] = {"headers": KEY, "timeout": aiohttp.ClientTimeout(sock_read=90), "read_bufsize": 2**20}
ALLOWED = set(os.environ.get("TELEGRAM_ALLOWED", "").split())  # ids of users and groups; nobody else is answered
PACE_SECONDS = float(os.environ.get("PACE_SECONDS", "1.2"))  # between two edits
AWAY = "지금은 답할 수 없어요. 잠시 뒤에 다시 말씀해 주세요. / I cannot answer now; please try again in a minute."
replies = deque[asyncio.Task[None]](maxlen=1000)  # tasks are kept here, since the event loop forgets them


async def answers(session: str, words: str) -> AsyncIterator[str]:
    """What Maek says as it grows, or is doing meanwhile; the last text is whole, or tells what went wrong."""
    text, data, due, body = "", dict[str, Any](), 0.0, {"message": words, "session": session, "stream": True}
    with suppress(aiohttp.ClientError, TimeoutError, ValueError):
        async with aiohttp.request("POST", f"{MAEK}/chat", json=body, **OPTIONS) as response:
            async for line in response.content:
                if line.startswith((b"data: ", b"{")):  # an event of the answer, or the body of an error
                    data = json.loads(line.removeprefix(b"data: "))
                    text += data.get("text", "") if "usage" not in data else ""  # the last event has it all again
                if (text or "notice" in data) and time.monotonic() >= due:
                    yield text or data["notice"]
                    due = time.monotonic() + PACE_SECONDS
    await asyncio.sleep(due - time.monotonic())
    yield text if "usage" in data else text + "\n\n" + data.get("error", {}).get("message", AWAY)


async def call(method: str, **fields: Any) -> Any:
    """What Telegram answers, in five tries, with the pauses that it asks for; empty: it cannot be had."""
    for _ in range(5):
        answer: Any = {"ok": False, "description": "not reached"}
        with suppress(aiohttp.ClientError, TimeoutError, ValueError):
            async with asyncio.timeout(90), aiohttp.request("POST", f"{API}/{method}", json=fields) as response:
                answer = await response.json(content_type=None)
        if answer["ok"]:
            return answer["result"]
        logging.warning("%s: %s", method, answer["description"])
        await asyncio.sleep(answer.get("parameters", {}).get("retry_after", 2))
    return {}


async def reply(chat: int, user: int, words: str) -> None:
    """Shows the answer as it grows, in as many messages as it needs, each up to the end of a word."""
    shown = dict[int, dict[str, Any]]()
    async for text in answers(f"telegram.{chat}.{user}", words):
        for number, piece in enumerate(re.findall(r"(?s)\S.{0,3998}\S(?=\s|$)|\S.{0,3999}", text)):  # of 4096
            old = shown.get(number, {})
            if piece != old.get("text"):
                method = "editMessageText" if old else "sendMessage"
                shown[number] = await call(method, chat_id=chat, message_id=old.get("message_id"), text=piece) or old


async def main() -> None:
    """Asks for messages for ever, and answers those of people who may ask."""
    offset = 0
    while True:
        for update in await call("getUpdates", offset=offset, timeout=50, allowed_updates=["message"]):
            offset, message = update["update_id"] + 1, update.get("message", {})  # or what nobody asked for
            user, chat = message.get("from", {}).get("id"), message.get("chat", {}).get("id")
            if not message or message["from"]["is_bot"] or not {str(user), str(chat)} & ALLOWED:
                logging.warning("not in TELEGRAM_ALLOWED: user %s in chat %s", user, chat)
            elif words := re.sub(r"^/\w+(@\w+)?\s*", "", message.get("text", "")):  # without /ask@bot
                replies.append(asyncio.create_task(reply(chat, user, words)))


asyncio.run(main())
