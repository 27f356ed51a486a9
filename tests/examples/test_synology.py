"""What is Synology Chat's alone: its two webhooks and their tokens."""

from itertools import pairwise
from pathlib import Path

from tests.examples.synology_chat import synology
from tests.examples.worlds import SLOWLY, world
from tests.fakes.waiting import until

LONGER_SECONDS = 20.0


async def test_a_wrong_token_is_refused_and_nothing_is_answered(tmp_path: Path) -> None:
    async with world(synology, tmp_path) as chat:
        assert await chat.service.say("안녕", token="guessed") == 403
        assert await chat.service.say("안녕", token="") == 403
        assert await chat.service.say("안녕") == 200
        await until(lambda: chat.screen.messages, LONGER_SECONDS)
    assert len(chat.screen.messages) == 1


async def test_the_webhook_is_acknowledged_before_the_answer(tmp_path: Path) -> None:
    async with world(synology, tmp_path, SLOWLY) as chat:
        assert await chat.service.say("양자역학 설명해줘") == 200
        assert chat.screen.messages == []


async def test_a_post_that_is_told_again_is_answered_once(tmp_path: Path) -> None:
    async with world(synology, tmp_path) as chat:
        for _ in range(2):
            await chat.service.say("안녕", post_id="1")
        await chat.service.say("오늘 일정", post_id="2")
        await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert len(chat.screen.messages) == 2


async def test_the_trigger_word_is_not_part_of_the_question(tmp_path: Path) -> None:
    async with world(synology, tmp_path) as chat:
        await chat.service.say("맥! 내일 3시 회의 잡아줘", trigger_word="맥!")
        await until(lambda: any("등록할까요?" in text for text in chat.screen.now), LONGER_SECONDS)


async def test_the_parts_of_two_answers_are_not_mixed(tmp_path: Path) -> None:
    async with world(synology, tmp_path) as chat:
        await chat.service.say("양자역학 설명해줘 [[tokens=1500]]")
        await chat.service.say("explain tides [[tokens=1500]]")
        await until(lambda: len(chat.screen.messages) >= 4, LONGER_SECONDS)
        await until(lambda: sum("(sim" in text or "(시" in text for text in chat.screen.now) == 2, LONGER_SECONDS)
    korean = ["되풀이" in text for text in chat.screen.now]
    assert sum(one != other for one, other in pairwise(korean)) == 1


async def test_it_does_not_answer_itself(tmp_path: Path) -> None:
    async with world(synology, tmp_path) as chat:
        chat.service.echoes = True
        await chat.service.say("안녕")
        await until(lambda: len(chat.screen.messages) == 1, LONGER_SECONDS)
        chat.service.echoes = False
        await chat.service.say("오늘 일정")
        await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert len(chat.screen.messages) == 2
