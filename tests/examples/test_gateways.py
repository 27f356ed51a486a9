"""What every gateway does, whatever the service."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.examples.bots import bot
from tests.examples.discord_api import discord
from tests.examples.slack_api import slack
from tests.examples.synology_chat import synology
from tests.examples.telegram_api import telegram
from tests.examples.worlds import MOST_CHARACTERS, SLOWLY
from tests.fakes.waiting import until

SERVICES = {"slack": slack, "telegram": telegram, "discord": discord, "synology": synology}
LONGER_SECONDS = 20.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module", params=SERVICES.values(), ids=SERVICES)
def service(request: pytest.FixtureRequest) -> Any:
    """All of them, one after the other."""
    return request.param


def whole(text: str) -> bool:
    """Whether this is an answer of the simulator from its beginning to its end."""
    return "시뮬레이터" in text and "흘러나옵니다" in text


async def test_an_answer_is_seen_to_grow(chat: Any) -> None:
    await chat.fault(SLOWLY)
    await chat.service.say("양자역학 설명해줘")
    await until(lambda: any("시뮬레이터" in text for text in chat.screen.now), LONGER_SECONDS)
    await until(lambda: "흘러나옵니다" in chat.screen.now[-1], LONGER_SECONDS)
    if chat.service.name == "synology":
        assert len(chat.screen.messages) == 1, "what cannot be edited is posted when it is whole"
        return
    (message,) = chat.screen.messages
    assert len(message.texts) >= 3
    assert all(later.startswith(earlier) for earlier, later in pairwise(message.texts))


async def test_a_long_answer_comes_in_messages_that_are_short_enough(chat: Any) -> None:
    await chat.service.say("양자역학 설명해줘 [[tokens=2500]]")
    await until(lambda: sum(map(len, chat.screen.now)) > 4500, LONGER_SECONDS)
    await until(lambda: "되풀이됩니다" in chat.screen.now[-1], LONGER_SECONDS)
    assert len(chat.screen.messages) >= 2
    assert "".join(re.sub(r"\s", "", text) for text in chat.screen.now).startswith("(시뮬레이터)모델없이")


async def test_what_maek_does_meanwhile_is_said_first(chat: Any) -> None:
    await chat.service.say("산업안전보건법 제6장 내용이 뭐야")
    await until(lambda: len([text for message in chat.screen.messages for text in message.texts]) == 2, LONGER_SECONDS)
    assert chat.screen.messages[0].texts[0] == "서고를 확인하는 중입니다"
    assert chat.screen.now[-1] != "서고를 확인하는 중입니다"


async def test_an_entry_is_asked_for_drafted_and_saved_after_a_yes(chat: Any) -> None:
    entries = chat.entries
    await chat.service.say("회의 잡아줘")
    await until(lambda: any("어느 날짜에" in text for text in chat.screen.now), LONGER_SECONDS)
    await chat.service.say("내일 3시")
    await until(lambda: any("등록할까요?" in text for text in chat.screen.now), LONGER_SECONDS)
    assert chat.entries == entries
    await chat.service.say("네")
    await until(lambda: any("등록했어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert chat.entries == entries + 1


async def test_a_stranger_gets_no_answer_and_the_log_names_him(chat: Any) -> None:
    stranger = 8 if chat.service.name == "telegram" else "8"
    await chat.service.say("안녕", user=stranger)
    await until(lambda: f"user {stranger}" in chat.bot.log())
    await chat.service.say("오늘 일정")
    await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert len(chat.screen.messages) == 1


async def test_a_refusal_for_its_pace_is_obeyed_and_nothing_is_lost(chat: Any) -> None:
    chat.screen.refusals = 1
    await chat.service.say("양자역학 설명해줘")
    await until(lambda: any(whole(text) for text in chat.screen.now), LONGER_SECONDS)
    assert chat.screen.refused == 1
    assert len(chat.screen.messages) == 1


async def test_an_error_of_maek_is_told_as_its_sentence(chat: Any) -> None:
    await chat.service.say("가" * (MOST_CHARACTERS + 1))
    await until(lambda: any("message: longer than" in text for text in chat.screen.now), LONGER_SECONDS)


async def test_an_answer_that_breaks_off_is_told_to_have_broken_off(chat: Any) -> None:
    await chat.fault({"cut": {"after_tokens": 20}})
    await chat.service.say("양자역학 설명해줘")
    await until(lambda: any("The backend failed" in text for text in chat.screen.now), LONGER_SECONDS)
    assert not any(whole(text) for text in chat.screen.now)


async def test_while_maek_is_away_people_are_told_and_when_it_is_back_they_are_answered(chat: Any) -> None:
    await chat.maek_goes()
    await chat.service.say("양자역학 설명해줘")
    await until(lambda: any("지금은 답할 수 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    await chat.maek_comes()
    await chat.service.say("양자역학 설명해줘")
    await until(lambda: any(whole(text) for text in chat.screen.now), LONGER_SECONDS)


async def test_when_nobody_is_named_nobody_is_answered(service: Any, tmp_path: Path) -> None:
    async with service() as chat:
        environ = {name: value for name, value in chat.environ.items() if not name.endswith("_ALLOWED")}
        async with bot(chat.name, tmp_path, environ) as running:
            await chat.say("안녕")
            await until(lambda: "_ALLOWED: user" in running.log())
    assert chat.screen.messages == []
