"""What is Telegram's alone: polling, commands and keyboards."""

from pathlib import Path

from tests.examples.bots import bot
from tests.examples.telegram_api import telegram
from tests.examples.worlds import world
from tests.fakes.waiting import until

LONGER_SECONDS = 20.0


async def test_updates_that_were_lost_on_the_way_are_asked_for_again_and_answered_once(tmp_path: Path) -> None:
    async with world(telegram, tmp_path) as chat:
        chat.service.cuts = 1
        await chat.service.say("안녕")
        await until(lambda: chat.screen.messages, LONGER_SECONDS)
        assert chat.service.cuts == 0
        await chat.service.say("오늘 일정")
        await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert len(chat.screen.messages) == 2


async def test_what_was_confirmed_is_not_answered_again_by_a_bot_that_was_started_anew(tmp_path: Path) -> None:
    async with world(telegram, tmp_path) as chat:
        await chat.service.say("안녕")
        await until(lambda: chat.screen.messages and chat.service.polls >= 2, LONGER_SECONDS)
        await chat.bot.restart()
        await chat.service.say("오늘 일정")
        await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert len(chat.screen.messages) == 2


async def test_it_types_while_maek_thinks(tmp_path: Path) -> None:
    async with world(telegram, tmp_path) as chat:
        await chat.service.say("안녕")
        await until(lambda: chat.screen.messages, LONGER_SECONDS)
    assert chat.service.typed == 1


async def test_a_draft_brings_buttons_that_say_yes_and_no(tmp_path: Path) -> None:
    async with world(telegram, tmp_path) as chat:
        await chat.service.say("내일 3시 회의 잡아줘")
        await until(lambda: chat.screen.messages, LONGER_SECONDS)
        await chat.service.say("schedule a meeting with Bob tomorrow at 5pm")
        await until(lambda: len(chat.screen.messages) == 2, LONGER_SECONDS)
        await chat.service.say(chat.screen.messages[1].fields["keyboard"][0][0])
        await until(lambda: any("Saved" in text for text in chat.screen.now), LONGER_SECONDS)
    assert [message.fields.get("keyboard") for message in chat.screen.messages] == [
        [["네", "아니요"]], [["Yes", "No"]], None
    ]  # fmt: skip


async def test_commands_are_for_telegram_and_not_for_maek(tmp_path: Path) -> None:
    async with world(telegram, tmp_path) as chat:
        await chat.service.say("/start")
        await until(lambda: len(chat.screen.messages) == 1, LONGER_SECONDS)
        await chat.service.say("/ask@maek_bot 내일 3시 회의 잡아줘", user=8, chat=-100)
        await until(lambda: any("등록할까요?" in text for text in chat.screen.now), LONGER_SECONDS)
    assert chat.screen.messages[1].channel == "-100"


async def test_bots_and_stickers_are_not_answered(tmp_path: Path) -> None:
    async with world(telegram, tmp_path) as chat:
        await chat.service.say("안녕", is_bot=True)
        await chat.service.say(None)
        await chat.service.say("안녕")
        await until(lambda: chat.screen.messages, LONGER_SECONDS)
    assert len(chat.screen.messages) == 1


async def test_a_wrong_token_is_a_sentence_in_the_log(tmp_path: Path) -> None:
    async with telegram() as chat:
        environ = {**chat.environ, "TELEGRAM_TOKEN": "4242:wrong-secret"}
        async with bot("telegram", tmp_path, environ) as running:
            await until(lambda: "getUpdates: Unauthorized" in running.log())
