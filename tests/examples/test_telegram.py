"""What is Telegram's alone: polling and commands."""

from pathlib import Path
from typing import Any

import pytest

from tests.examples.bots import bot
from tests.examples.telegram_api import telegram
from tests.fakes.waiting import until

LONGER_SECONDS = 20.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def service() -> Any:
    """Telegram."""
    return telegram


async def only_this_is_answered(chat: Any) -> None:
    """What came before, if it is answered at all, is answered by now."""
    await chat.service.say("오늘 일정")
    await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)


async def test_updates_that_were_lost_on_the_way_are_asked_for_again_and_answered_once(chat: Any) -> None:
    chat.service.cuts = 1
    await chat.service.say("안녕")
    await until(lambda: chat.screen.messages, LONGER_SECONDS)
    assert chat.service.cuts == 0
    await only_this_is_answered(chat)
    assert len(chat.screen.messages) == 2


async def test_what_was_confirmed_is_not_answered_again_by_a_bot_that_was_started_anew(chat: Any) -> None:
    polls = chat.service.polls
    await chat.service.say("안녕")
    await until(lambda: chat.screen.messages and chat.service.polls >= polls + 1, LONGER_SECONDS)
    await chat.bot.restart()
    await only_this_is_answered(chat)
    assert len(chat.screen.messages) == 2


async def test_commands_are_for_telegram_and_not_for_maek(chat: Any) -> None:
    await chat.service.say("/start")
    await chat.service.say("/ask@maek_bot explain tides", user=8, chat=-1000)
    await until(lambda: any("You asked" in text for text in chat.screen.now), LONGER_SECONDS)
    assert "/ask" not in chat.screen.now[0]
    await only_this_is_answered(chat)
    assert [message.channel for message in chat.screen.messages] == ["-1000", str(chat.service.room)]


async def test_bots_and_stickers_are_not_answered(chat: Any) -> None:
    await chat.service.say("안녕", is_bot=True)
    await chat.service.say(None)
    await only_this_is_answered(chat)
    assert len(chat.screen.messages) == 1


async def test_a_wrong_token_is_a_sentence_in_the_log(tmp_path: Path) -> None:
    async with telegram() as chat:
        environ = {**chat.environ, "TELEGRAM_TOKEN": "4242:wrong-secret"}
        async with bot("telegram", tmp_path, environ) as running:
            await until(lambda: "getUpdates: Unauthorized" in running.log())


async def test_what_is_no_new_message_is_passed_over(chat: Any) -> None:
    await chat.service.edit("안녕")
    await only_this_is_answered(chat)
    assert len(chat.screen.messages) == 1
