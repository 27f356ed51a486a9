"""What is Discord's alone: heartbeats, sessions that are resumed or not, and mentions."""

from pathlib import Path

from tests.examples.discord_api import ME, discord
from tests.examples.worlds import world
from tests.fakes.waiting import until

LONGER_SECONDS = 20.0


async def test_a_session_is_resumed_after_a_reconnect_and_nothing_is_lost(tmp_path: Path) -> None:
    async with world(discord, tmp_path) as chat:
        await until(lambda: chat.service.connected)
        await chat.service.send(7)
        await until(lambda: not chat.service.connected)
        await chat.service.say("안녕")
        await until(lambda: chat.screen.messages, LONGER_SECONDS)
    assert (chat.service.identified, chat.service.resumed) == (1, 1)


async def test_a_connection_that_breaks_is_resumed(tmp_path: Path) -> None:
    async with world(discord, tmp_path) as chat:
        await until(lambda: chat.service.connected)
        await chat.service.cut()
        await until(lambda: chat.service.resumed == 1, LONGER_SECONDS)
    assert chat.service.identified == 1


async def test_an_invalid_session_begins_anew(tmp_path: Path) -> None:
    async with world(discord, tmp_path) as chat:
        await until(lambda: chat.service.connected)
        await chat.service.send(9, False)
        await until(lambda: chat.service.identified == 2, LONGER_SECONDS)
        await chat.service.say("안녕")
        await until(lambda: chat.screen.messages, LONGER_SECONDS)


async def test_it_beats_and_a_silent_gateway_is_left_and_the_session_resumed(tmp_path: Path) -> None:
    async with world(discord, tmp_path) as chat:
        chat.service.beat_ms = 200
        await until(lambda: chat.service.beats >= 3, LONGER_SECONDS)
        chat.service.deaf = True
        await until(lambda: not chat.service.connected, LONGER_SECONDS)
        chat.service.deaf = False
        await until(lambda: chat.service.resumed == 1, LONGER_SECONDS)


async def test_a_heartbeat_that_is_asked_for_comes_at_once(tmp_path: Path) -> None:
    async with world(discord, tmp_path) as chat:
        await until(lambda: chat.service.connected)
        await chat.service.send(1)
        await until(lambda: chat.service.beats == 1)


async def test_a_message_that_is_delivered_again_is_answered_once(tmp_path: Path) -> None:
    async with world(discord, tmp_path) as chat:
        message = await chat.service.say("안녕")
        await chat.service.deliver(message)
        await until(lambda: len(chat.screen.messages) == 1, LONGER_SECONDS)
        await chat.service.say("오늘 일정")
        await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert len(chat.screen.messages) == 2


async def test_in_a_server_it_hears_its_name_alone_and_no_bot_anywhere(tmp_path: Path) -> None:
    server = {"guild_id": "5000", "channel_id": "4000"}
    async with world(discord, tmp_path) as chat:
        await chat.service.say("", **server)
        await chat.service.say("안녕", is_bot=True)
        await chat.service.say("<@99> 내일 3시 회의 잡아줘", user="8", mentions=[ME], **server)
        await until(lambda: any("등록할까요?" in text for text in chat.screen.now), LONGER_SECONDS)
    assert [message.channel for message in chat.screen.messages] == ["4000"]
    assert chat.service.typed == 1
