"""What is Synology Chat's alone: its two webhooks and their tokens."""

from itertools import pairwise
from typing import Any

import pytest

from tests.examples.synology_chat import synology
from tests.examples.worlds import SLOWLY
from tests.fakes.waiting import until

LONGER_SECONDS = 20.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def service() -> Any:
    """Synology Chat."""
    return synology


async def nothing_else_was_answered(chat: Any) -> None:
    """What came before, if it is answered at all, is answered by now."""
    await chat.service.say("오늘 일정")
    await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert len(chat.screen.messages) == 1


async def test_a_wrong_token_is_refused_and_nothing_is_answered(chat: Any) -> None:
    assert await chat.service.say("안녕", token="guessed") == 403
    assert await chat.service.say("안녕", token="") == 403
    await nothing_else_was_answered(chat)


async def test_the_webhook_is_acknowledged_before_the_answer(chat: Any) -> None:
    await chat.fault(SLOWLY)
    assert await chat.service.say("양자역학 설명해줘") == 200
    assert chat.screen.messages == []
    await until(lambda: chat.screen.messages, LONGER_SECONDS)


async def test_a_post_that_is_told_again_is_answered_once(chat: Any) -> None:
    for _ in range(2):
        assert await chat.service.say("양자역학 설명해줘", post_id="1") == 200
    await until(lambda: chat.screen.messages, LONGER_SECONDS)
    chat.screen.begin()
    await nothing_else_was_answered(chat)


async def test_the_trigger_word_is_not_part_of_the_question(chat: Any) -> None:
    await chat.service.say("맥! 내일 3시 회의 잡아줘", trigger_word="맥!")
    await until(lambda: any("등록할까요?" in text for text in chat.screen.now), LONGER_SECONDS)


async def test_the_parts_of_two_answers_are_not_mixed(chat: Any) -> None:
    await chat.service.say("양자역학 설명해줘 [[tokens=1500]]")
    await chat.service.say("explain tides [[tokens=1500]]")
    await until(lambda: len(chat.screen.messages) == 6, LONGER_SECONDS)  # two in Korean, four in English
    korean = ["되풀이" in text for text in chat.screen.now]
    assert sum(one != other for one, other in pairwise(korean)) == 1


async def test_it_does_not_answer_itself(chat: Any) -> None:
    chat.service.echoes = True
    await chat.service.say("안녕")
    await until(lambda: chat.service.echoed == 1, LONGER_SECONDS)
    chat.service.echoes = False
    assert len(chat.screen.messages) == 1
    chat.screen.begin()
    await nothing_else_was_answered(chat)
