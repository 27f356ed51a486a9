"""A Discord bot in front of Maek, in one file to copy. How to set it up, and what it does: docs/gateways.md"""

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
import discord

MAEK = os.environ.get("MAEK_URL", "http://127.0.0.1:8484")
KEY = {"authorization": f"Bearer {os.environ.get('MAEK_KEY', '')}"}
OPTIONS: dict[str, Any] = {"headers": KEY, "timeout": aiohttp.ClientTimeout(sock_read=90), "read_bufsize": 2**20}
ALLOWED = set(os.environ.get("DISCORD_ALLOWED", "").split())  # ids of users and channels; nobody else is answered
PACE_SECONDS = float(os.environ.get("PACE_SECONDS", "1.2"))  # between two edits
PIECES = re.compile(r"(?s)\S.{0,1898}\S(?=\s|$)|\S.{0,1899}")  # of 2000 characters at most, up to the end of a word
AWAY = "지금은 답할 수 없어요. 잠시 뒤에 다시 말씀해 주세요. / I cannot answer now; please try again in a minute."
heard = deque[int](maxlen=1000)  # the last messages: what comes again is known


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


class Bot(discord.Client):
    """Stays connected for ever, and resumes its session: that is the library's."""

    async def on_message(self, message: discord.Message) -> None:
        """Answers a message that is meant for the bot, once, if it comes from a person who may ask."""
        user, channel, direct = message.author, message.channel, isinstance(message.channel, discord.DMChannel)
        if user.bot or not (direct or self.user in message.mentions) or message.id in heard:
            return
        heard.append(message.id)
        words = re.sub(r"<@!?\d+>", "", message.content, count=1).strip()
        if not {str(user.id), str(channel.id)} & ALLOWED:
            logging.warning("not in DISCORD_ALLOWED: user %s in channel %s", user.id, channel.id)
        elif words:
            await self.reply(channel, f"discord.{channel.id}.{user.id}", words)

    async def reply(self, channel: discord.abc.Messageable, session: str, words: str) -> None:
        """Shows the answer as it grows, in as many messages as it needs."""
        shown = dict[int, discord.Message]()
        async with channel.typing():
            async for text in answers(session, words):
                for number, piece in enumerate(PIECES.findall(text)):
                    try:
                        if number not in shown:
                            shown[number] = await channel.send(piece)
                        elif piece != shown[number].content:
                            shown[number] = await shown[number].edit(content=piece)
                    except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
                        logging.warning("not shown: %s", error)


intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)  # none of them privileged
nobody = discord.AllowedMentions.none()  # no answer calls @everyone
Bot(intents=intents, allowed_mentions=nobody).run(
    os.environ["DISCORD_TOKEN"], log_level=logging.WARNING, root_logger=True
)
