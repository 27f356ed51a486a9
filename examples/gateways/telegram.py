"""A Telegram bot in front of Maek, in one file to copy. How to set it up, and what it does: docs/gateways.md

From core.telegram.org/bots/api and core.telegram.org/bots/faq: a message has at most 4096 characters; one a second in a
chat; a 429 says `retry_after`; asking for updates from an id on confirms all before it; a keyboard comes with a new
message, and a press on it is a message. The token is in every URL: neither a URL nor an error that has one is logged.
"""

import asyncio
import json
import logging
import os
import re
import time
from collections import deque
from contextlib import suppress
from typing import Any

import aiohttp

API = f"{os.environ.get('TELEGRAM_API', 'https://api.telegram.org')}/bot{os.environ['TELEGRAM_TOKEN']}"
MAEK = os.environ.get("MAEK_URL", "http://127.0.0.1:8484")
KEY = {"authorization": f"Bearer {os.environ.get('MAEK_KEY', '')}"}
ALLOWED = set(os.environ.get("TELEGRAM_ALLOWED", "").split())  # ids of users and groups; nobody else is answered
AWAY = "지금은 답할 수 없어요. 잠시 뒤에 다시 말씀해 주세요. / I cannot answer now; please try again in a minute."
FAILURES = (aiohttp.ClientError, TimeoutError, ValueError, TypeError)  # not reached, too late, or not JSON
replies = deque[asyncio.Task[None]](maxlen=1000)  # tasks are kept here, since the event loop forgets them


async def call(web: aiohttp.ClientSession, method: str, **fields: Any) -> Any:
    """What Telegram answers, after the pauses that it asks for and a few tries to reach it; empty: it cannot be had."""
    for tries in range(5):
        answer: Any = {"ok": False, "description": "not reached", "parameters": {"retry_after": 2**tries}}
        with suppress(*FAILURES):
            async with web.post(f"{API}/{method}", json=fields) as response:
                answer = await response.json(content_type=None)
        if answer["ok"]:
            return answer["result"]
        logging.warning("%s: %s", method, answer["description"])
        if "retry_after" not in answer.get("parameters", {}):
            break
        await asyncio.sleep(answer["parameters"]["retry_after"])
    return {}


async def reply(web: aiohttp.ClientSession, asked: dict[str, Any], session: str, words: str) -> None:
    """Has Maek answer, and shows the answer as it grows; whatever goes wrong is told in a sentence."""
    text, data, due, shown, keys = "", dict[str, Any](), 0.0, dict[int, tuple[int, str]](), list[str]()
    chat = {"chat_id": asked["chat"]["id"]}

    async def show(so_far: str) -> None:  # in as many messages as it needs, each up to the end of a word
        for number, piece in enumerate(re.findall(r"(?s)\S.{0,3998}\S(?=\s|$)|\S.{0,3999}", so_far)):
            known, before = shown.get(number, (0, ""))
            if not known:
                buttons = {"keyboard": [keys], "one_time_keyboard": True, "resize_keyboard": True, "selective": True}
                more = {"reply_markup": buttons} if keys else {}
                more["reply_parameters"] = {"message_id": asked["message_id"]}
                sent = await call(web, "sendMessage", **chat, **more, text=piece)
                shown[number] = sent.get("message_id", 0), piece
            elif piece != before:
                await call(web, "editMessageText", **chat, message_id=known, text=piece)
                shown[number] = known, piece

    await call(web, "sendChatAction", **chat, action="typing")
    with suppress(*FAILURES):
        body = {"message": words, "session": session, "stream": True}
        async with web.post(f"{MAEK}/chat", json=body, headers=KEY) as answer:
            async for line in answer.content:
                if line.startswith((b"data: ", b"{")):  # an event of the answer, or the body of an error
                    data = json.loads(line.removeprefix(b"data: "))
                    text += data.get("text", "") if "usage" not in data else ""  # the last event has it all again
                    if "draft" in data:  # a button says what is on it
                        keys = ["네", "아니요"] if re.search("[가-힣]", data["draft"]["summary"]) else ["Yes", "No"]
                # What came with a keyboard cannot be edited: it is sent when it is whole.
                if (text or "notice" in data) and not keys and time.monotonic() >= due:
                    await show(text or data["notice"])
                    due = time.monotonic() + 1.5
    text += "" if "usage" in data else "\n\n" + data.get("error", {}).get("message", AWAY)  # if it has not ended well
    await asyncio.sleep(due - time.monotonic())
    await show(text)


async def main() -> None:
    """Asks for messages for ever, and answers those of people who may ask."""
    offset = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=90), read_bufsize=2**20) as web:
        while True:
            updates = await call(web, "getUpdates", offset=offset, timeout=50, allowed_updates=["message"])
            for update in updates:
                offset, message = update["update_id"] + 1, update["message"]
                user, chat = message["from"], message["chat"]["id"]
                if user["is_bot"] or not {str(user["id"]), str(chat)} & ALLOWED:
                    logging.warning("not in TELEGRAM_ALLOWED: user %s in chat %s", user["id"], chat)
                elif "text" in message:
                    words = re.sub(r"^/\w+(@\w+)?\s*", "", message["text"]) or "안녕"  # without /start or /ask@bot
                    replies.append(asyncio.create_task(reply(web, message, f"telegram.{chat}.{user['id']}", words)))
            await asyncio.sleep(0 if updates else 1)


asyncio.run(main())
