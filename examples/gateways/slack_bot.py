"""A Slack bot in front of Maek, in one file to copy. How to set it up, and what it does: docs/gateways.md"""

import asyncio
import html
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
from slack_sdk.http_retry import builtin_async_handlers as retries
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

MAEK = os.environ.get("MAEK_URL", "http://127.0.0.1:8484")
KEY = {"authorization": f"Bearer {os.environ.get('MAEK_KEY', '')}"}
OPTIONS: dict[str, Any] = {"headers": KEY, "timeout": aiohttp.ClientTimeout(sock_read=90), "read_bufsize": 2**20}
ALLOWED = set(os.environ.get("SLACK_ALLOWED", "").split())  # ids of users and channels; nobody else is answered
PACE_SECONDS = float(os.environ.get("PACE_SECONDS", "1.2"))  # between two edits
PIECES = re.compile(r"(?s)\S.{0,3498}\S(?=\s|$)|\S.{0,3499}")  # of 4000 characters at most, up to the end of a word
AWAY = "지금은 답할 수 없어요. 잠시 뒤에 다시 말씀해 주세요. / I cannot answer now; please try again in a minute."
slack = AsyncWebClient(os.environ["SLACK_BOT_TOKEN"], os.environ.get("SLACK_API", AsyncWebClient.BASE_URL))
slack.retry_handlers = [retries.AsyncConnectionErrorRetryHandler(5), retries.AsyncRateLimitErrorRetryHandler(5)]
heard = deque[tuple[str, str]](maxlen=1000)  # the last messages: what comes again is known


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


async def on_request(client: Any, request: Any) -> None:
    """Acknowledges an event at once, and answers it once if it is a message for the bot by one who may ask."""
    await client.send_socket_mode_response({"envelope_id": request.envelope_id})
    event = request.payload.get("event", {})
    direct = event.get("channel_type") == "im"
    if not (direct or event.get("type") == "app_mention") or {"bot_id", "subtype"} & set(event):
        return  # not for the bot, or by one, or no new message
    user, channel, thread = event["user"], event["channel"], event.get("thread_ts", "" if direct else event["ts"])
    if not {user, channel} & ALLOWED:
        logging.warning("not in SLACK_ALLOWED: user %s in channel %s", user, channel)
    elif (channel, event["ts"]) not in heard:
        heard.append((channel, event["ts"]))
        place, shown = {"channel": channel} | ({"thread_ts": thread} if thread else {}), dict[int, tuple[str, str]]()
        words = html.unescape(re.sub(r"<@\w+>", "", event["text"], count=1)).strip()
        async for text in answers(f"slack.{channel}.{thread}.{user}", words):
            for number, piece in enumerate(PIECES.findall(html.escape(text, quote=False))):  # calls no <!channel>
                at, before = shown.get(number, ("", ""))
                if piece != before:
                    method = "chat.update" if at else "chat.postMessage"
                    sent = await slack.api_call(method, json={**place, "ts": at, "text": piece})
                    shown[number] = sent["ts"], piece


async def main() -> None:
    """Stays connected for ever."""
    client: Any = SocketModeClient(os.environ["SLACK_APP_TOKEN"], web_client=slack)
    client.socket_mode_request_listeners.append(on_request)
    await client.connect()
    await asyncio.Event().wait()


asyncio.run(main())
