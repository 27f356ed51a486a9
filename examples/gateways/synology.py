"""A Synology Chat bot in front of Maek, in one file to copy. How to set it up, and what it does: docs/gateways.md

From kb.synology.com (Chat, Integration): an outgoing webhook posts a form with `token`, `channel_id`, `user_id`,
`post_id`, `text` and perhaps `trigger_word`; an incoming one takes `payload={"text": …}` and answers {"success": true},
or, as people report, error 411 "create post too fast". A post cannot be edited: an answer comes by paragraphs.
"""

import asyncio
import hmac
import json
import logging
import os
import re
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

LISTEN, PORT = os.environ.get("SYNOLOGY_LISTEN", "127.0.0.1"), int(os.environ.get("SYNOLOGY_PORT", "8485"))
INCOMING, TOKEN = URL(os.environ["SYNOLOGY_INCOMING_URL"], encoded=True), os.environ["SYNOLOGY_TOKEN"].encode()
MAEK = os.environ.get("MAEK_URL", "http://127.0.0.1:8484")
KEY = {"authorization": f"Bearer {os.environ.get('MAEK_KEY', '')}"}
ALLOWED = set(os.environ.get("SYNOLOGY_ALLOWED", "").split())  # ids of users; nobody else is answered
AWAY = "지금은 답할 수 없어요. 잠시 뒤에 다시 말씀해 주세요. / I cannot answer now; please try again in a minute."
FAILURES = (aiohttp.ClientError, TimeoutError, ValueError, TypeError)  # not reached, too late, or not JSON
PARAGRAPH = 300  # characters, from which on a paragraph is a post of its own
posting, own = asyncio.Lock(), deque[str](maxlen=1000)  # what the bot said itself is not answered
replies = deque[asyncio.Task[None]](maxlen=1000)  # the last ones, by the post: what comes again is known


async def post(client: aiohttp.ClientSession, text: str) -> None:
    """Posts a text in as many posts as it needs, each up to the end of a word; nothing comes between them."""
    async with posting:
        for piece in re.findall(r"(?s)\S.{0,1998}\S(?=\s|$)|\S.{0,1999}", text):
            own.append(piece)
            for pause in (1, 2, 4, 8, 16):
                answer = {"success": False, "error": "not reached"}
                with suppress(*FAILURES):
                    async with client.post(INCOMING, data={"payload": json.dumps({"text": piece})}) as response:
                        answer = await response.json(content_type=None)
                await asyncio.sleep(pause)  # also after a success, since posts must not come too fast
                if answer["success"]:
                    break
                logging.warning("Synology Chat: %s", answer["error"])


async def reply(client: aiohttp.ClientSession, session: str, words: str) -> None:
    """Has Maek answer, and posts the answer by paragraphs; whatever goes wrong is told in a sentence."""
    text, data, noticed = "", dict[str, Any](), False
    with suppress(*FAILURES):
        body = {"message": words, "session": session, "stream": True}
        async with client.post(f"{MAEK}/chat", json=body, headers=KEY) as answer:
            async for line in answer.content:
                if line.startswith((b"data: ", b"{")):  # an event of the answer, or the body of an error
                    data = json.loads(line.removeprefix(b"data: "))
                    text += data.get("text", "") if "usage" not in data else ""  # the last event has it all again
                    if "notice" in data and not noticed:  # the first one only: it cannot be taken back
                        noticed = True
                        await post(client, data["notice"])
                    if len(text) > PARAGRAPH and "\n\n" in text:
                        whole, _, text = text.rpartition("\n\n")
                        await post(client, whole)
    text += "" if "usage" in data else "\n\n" + data.get("error", {}).get("message", AWAY)  # if it has not ended well
    await post(client, text)


async def heard(client: aiohttp.ClientSession, request: web.Request) -> web.Response:
    """What the outgoing webhook tells, acknowledged at once; it is answered through the incoming one."""
    form = {key: str(value) for key, value in (await request.post()).items()}
    if not hmac.compare_digest(form.get("token", "").encode(), TOKEN):
        raise web.HTTPForbidden
    user, channel, at = form["user_id"], form["channel_id"], form["post_id"]
    words = form["text"].removeprefix(form.get("trigger_word", "")).strip()
    if user not in ALLOWED:
        logging.warning("not in SYNOLOGY_ALLOWED: user %s (%s)", user, form.get("username"))
    elif words and words not in own and at not in {task.get_name() for task in replies}:
        replies.append(asyncio.create_task(reply(client, f"synology.{channel}.{user}", words), name=at))
    return web.json_response({})


async def main() -> None:
    """Listens for ever to what the outgoing webhook sends."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=90), read_bufsize=2**20) as client:
        app = web.Application()
        app.router.add_post("/", partial(heard, client))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, LISTEN, PORT).start()
        await asyncio.Event().wait()


asyncio.run(main())
