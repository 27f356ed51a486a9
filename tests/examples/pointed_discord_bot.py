"""The Discord bot, with discord.py pointed to the fake: the library has no setting for that."""

import os
import runpy
from pathlib import Path

import discord
from yarl import URL

discord.http.Route.BASE = os.environ["DISCORD_API"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = URL(os.environ["DISCORD_GATEWAY"])
runpy.run_path(str(Path(__file__).parents[2] / "examples" / "gateways" / "discord_bot.py"), run_name="__main__")
