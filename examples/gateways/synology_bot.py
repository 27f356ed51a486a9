"""A Synology Chat bot in front of Maek, in one file to copy. How to set it up, and what it does: docs/gateways.md"""

import asyncio
import hmac
import json
import logging
import os
import re
from collections import deque
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

LISTEN, PORT = os.environ.get("SYNOLOGY_LISTEN", "127.0.0.1"), int(os.environ.get("SYNOLOGY_PORT", "8485"))
INCOMING, TOKEN = URL(os.environ["SYNOLOGY_INCOMING_URL"], encoded=True), os.environ["SYNOLOGY_TOKEN"].encode()
MAEK = os.environ.get("MAEK_URL", "http://127.0.0.1:8484")
KEY = {"authorization": f"Bearer {os.environ.get('MAEK_KEY', '')}"}
OPTIONS: dict[str, Any] = {"headers": KEY, "timeout": aiohttp.ClientTimeout(sock_read=90), "read_bufsize": 2**20}
ALLOWED = set(os.environ.get("SYNOLOGY_ALLOWED", "").split())  # ids of users; nobody else is answered
PACE_SECONDS = float(os.environ.get("PACE_SECONDS", "1.2"))  # between two posts
AWAY = "지금은 답할 수 없어요. 잠시 뒤에 다시 말씀해 주세요. / I cannot answer now; please try again in a minute."
posting, own = asyncio.Lock(), deque[str](maxlen=1000)  # what the bot said itself is not answered
replies = deque[asyncio.Task[None]](maxlen=1000)  # the last ones, by the post: what comes again is known


async def post(text: str) -> None:
    """Posts a text in as many posts as it needs, each up to the end of a word; nothing comes between them."""
    async with posting:
        for piece in re.findall(r"(?s)\S.{0,1998}\S(?=\s|$)|\S.{0,1999}", text):
            own.append(piece)
            for pauses in (1, 2, 4, 8, 16):
                answer, form = {"success": False, "error": "not reached"}, {"payload": json.dumps({"text": piece})}
                with suppress(aiohttp.ClientError, TimeoutError, ValueError):
                    async with asyncio.timeout(30), aiohttp.request("POST", INCOMING, data=form) as response:
                        answer = await response.json(content_type=None)
                await asyncio.sleep(pauses * PACE_SECONDS)  # also after a success: posts must not come too fast
                if answer["success"]:
                    break
                logging.warning("Synology Chat: %s", answer["error"])


async def reply(session: str, words: str) -> None:
    """Has Maek answer, and posts it by paragraphs, since posts cannot be edited; what went wrong is told in the end."""
    text, data, noticed, body = "", dict[str, Any](), False, {"message": words, "session": session, "stream": True}
    with suppress(aiohttp.ClientError, TimeoutError, ValueError):
        async with aiohttp.request("POST", f"{MAEK}/chat", json=body, **OPTIONS) as response:
            async for line in response.content:
                if line.startswith((b"data: ", b"{")):  # an event of the answer, or the body of an error
                    data = json.loads(line.removeprefix(b"data: "))
                    text += data.get("text", "") if "usage" not in data else ""  # the last event has it all again
                    if "notice" in data and not noticed:  # the first one only: it cannot be taken back
                        noticed = True
                        await post(data["notice"])
                    whole, _, rest = text.rpartition("\n\n")
                    if len(whole) > 300:  # characters, from which on paragraphs are a post of their own
                        text = rest
                        await post(whole)
    await post(text if "usage" in data else text + "\n\n" + data.get("error", {}).get("message", AWAY))


async def heard(request: web.Request) -> web.Response:
    """What the outgoing webhook tells, acknowledged at once; it is answered through the incoming one."""
    form = {key: str(value) for key, value in (await request.post()).items()}
    if not hmac.compare_digest(form.get("token", "").encode(), TOKEN):
        raise web.HTTPForbidden
    user, channel, at = form["user_id"], form["channel_id"], form["post_id"]
    words = form["text"].removeprefix(form.get("trigger_word", "")).strip()
    if user not in ALLOWED:
        logging.warning("not in SYNOLOGY_ALLOWED: user %s (%s)", user, form.get("username"))
    elif words and words not in own and at not in {task.get_name() for task in replies}:
        replies.append(asyncio.create_task(reply(f"synology.{channel}.{user}", words), name=at))
    return web.json_response({})


app = web.Application()
app.router.add_post("/", heard)
web.run_app(app, host=LISTEN, port=PORT, access_log=None, print=None)
