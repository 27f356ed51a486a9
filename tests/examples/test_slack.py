"""What is Slack's alone: envelopes, connections that end, threads and marks in texts."""

from typing import Any

import pytest

from tests.examples.slack_api import slack
from tests.examples.worlds import SLOWLY
from tests.fakes.waiting import until

LONGER_SECONDS = 20.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def service() -> Any:
    """Slack."""
    return slack


async def test_a_message_that_is_delivered_again_is_acknowledged_again_and_answered_once(chat: Any) -> None:
    before = len(chat.service.acknowledged)
    event = await chat.service.say("안녕")
    await until(lambda: len(chat.service.acknowledged) == before + 1)
    await chat.service.deliver(event, retry_attempt=1)
    await until(lambda: len(chat.service.acknowledged) == before + 2)
    await chat.service.say("오늘 일정")
    await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    await until(lambda: len(chat.screen.messages) == 2, LONGER_SECONDS)


async def test_an_envelope_is_acknowledged_before_the_answer(chat: Any) -> None:
    await chat.fault(SLOWLY)
    before = len(chat.service.acknowledged)
    await chat.service.say("양자역학 설명해줘")
    await until(lambda: len(chat.service.acknowledged) == before + 1)
    assert not any("흘러나옵니다" in text for text in chat.screen.now)
    await until(lambda: any("흘러나옵니다" in text for text in chat.screen.now), LONGER_SECONDS)


@pytest.mark.parametrize("end", ["disconnect", "cut"])
async def test_after_the_end_of_a_connection_it_takes_another_and_answers_what_was_said_meanwhile(
    chat: Any, end: str
) -> None:
    await until(lambda: chat.service.connected, LONGER_SECONDS)
    opened = chat.service.opened
    await getattr(chat.service, end)()
    await chat.service.say("안녕")
    await until(lambda: chat.screen.messages, LONGER_SECONDS)
    assert chat.service.opened == opened + 1


async def test_in_a_channel_it_hears_its_name_and_answers_in_the_thread(chat: Any) -> None:
    channel = {"channel": "C9", "channel_type": "channel"}
    await chat.service.say("not for the bot", **channel)
    event = await chat.service.say("<@UBOT> 안녕", **channel | {"type": "app_mention"}, user="U8")
    await until(lambda: chat.screen.messages, LONGER_SECONDS)
    (message,) = chat.screen.messages
    assert message.channel == "C9"
    assert message.fields["thread"] == event["ts"]


async def test_bots_and_edits_are_not_answered(chat: Any) -> None:
    await chat.service.say("안녕", bot_id="B1")
    await chat.service.say("안녕", subtype="message_changed")
    await chat.service.say("오늘 일정")
    await until(lambda: any("일정이 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert len(chat.screen.messages) == 1


async def test_no_answer_calls_a_whole_channel(chat: Any) -> None:
    await chat.service.say("explain &lt;!channel&gt; &amp; tides")
    await until(lambda: any("You asked" in text for text in chat.screen.now), LONGER_SECONDS)
    assert "&lt;!channel&gt; &amp; tides" in chat.screen.now[0]


async def test_two_people_in_one_thread_do_not_confirm_each_others_drafts(chat: Any) -> None:
    entries = chat.entries
    thread = {"channel": "C9", "type": "app_mention", "thread_ts": "1.1"}
    await chat.service.say("<@UBOT> 내일 3시 회의 잡아줘", **thread)
    await until(lambda: any("등록할까요?" in text for text in chat.screen.now), LONGER_SECONDS)
    await chat.service.say("<@UBOT> 네", **thread, user="U8")
    await until(lambda: len(chat.screen.messages) == 2, LONGER_SECONDS)
    assert chat.entries == entries
