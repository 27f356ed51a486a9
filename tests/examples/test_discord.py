"""What is Discord's alone: sessions that are resumed, servers and mentions."""

from typing import Any

import pytest

from tests.examples.discord_api import ME, SERVER, discord
from tests.fakes.waiting import until

LONGER_SECONDS = 20.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def service() -> Any:
    """Discord."""
    return discord


@pytest.mark.parametrize("end", ["ask_to_reconnect", "cut"])
async def test_after_the_end_of_a_connection_the_session_is_resumed_and_nothing_is_lost(chat: Any, end: str) -> None:
    await until(lambda: chat.service.connected, LONGER_SECONDS)
    resumed = chat.service.resumed
    await getattr(chat.service, end)()
    await chat.service.say("오늘 일정")
    await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert (chat.service.identified, chat.service.resumed) == (1, resumed + 1)
    assert len(chat.screen.messages) == 1


async def test_a_message_that_is_delivered_again_is_answered_once(chat: Any) -> None:
    message = await chat.service.say("안녕")
    await chat.service.deliver(message)
    await until(lambda: len(chat.screen.messages) == 1, LONGER_SECONDS)
    await chat.service.say("오늘 일정")
    await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert len(chat.screen.messages) == 2


async def test_in_a_server_it_hears_its_name_alone_and_no_bot_anywhere(chat: Any) -> None:
    server = {"guild_id": SERVER, "channel_id": "4000"}
    await chat.service.say("안녕", **server)
    await chat.service.say("안녕", is_bot=True)
    await chat.service.say("<@99> 내일 3시 회의 잡아줘", user="8", mentions=[ME], **server)
    await until(lambda: any("등록할까요?" in text for text in chat.screen.now), LONGER_SECONDS)
    assert [message.channel for message in chat.screen.messages] == ["4000"]
    assert chat.service.typed == 1
