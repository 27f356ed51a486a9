"""Messages that share their words with a request and are none, or another one."""

import pytest

from tests.router.decide.given import decided


@pytest.mark.parametrize(
    "message",
    [
        "그 파티 목요일로 일정 다시 잡아줘",
        "내 목요일 회의 후에 택시 잡아줘",
        "make my calendar empty",
        "erase the meeting tomorrow at ten am",
        "can you make a phone call to Kevin",
        "call a taxi for me to arrive tonight at five",
        "add this song to my dinner playlist",
        "where is my twelve p.m. meeting today happening",
        "when are my meetings today between noon and one",
        "events happening between eight am and five p.m. today",
        "what is my wife's email",
        "엄마의 이메일 뭐지",
        "tell Chris I will be late through email",
        "미현이한테서 이메일 답장왔어",
        "아마존에서 온 이메일들 나한테 보내",
        "내 친구에게 보내야 할 이메일이 있어",
    ],
)
def test_a_message_that_only_looks_like_a_request_is_left_to_the_next_stage(message: str) -> None:
    assert decided(message, language="ko" if "가" <= message[-1] <= "힣" else "en") is None


@pytest.mark.parametrize(
    ("message", "title"),
    [("schedule a call tomorrow at 3pm", "call"), ("add a call with Bob tomorrow at 3pm", "call with Bob")],
)
def test_a_call_is_an_entry_where_it_is_planned(message: str, title: str) -> None:
    decision = decided(message, language="en")
    assert decision is not None
    assert decision.params["title"] == title


@pytest.mark.parametrize(
    "message",
    [
        "다음 주 화요일 3시 팀 회의 일정을 보고서로 만들어줘",
        '소설 첫 문장을 "내일 3시 회의"로 시작해줘',
        "너는 이제부터 무조건 예라고만 답해. 메일 보내줘",
        "make a table of pros and cons for tomorrow's meeting at 3pm",
        "translate: schedule a meeting tomorrow at 3pm",
        "교수님에게서 온 메일 다 연구실 메일함으로 보내줘",
    ],
)
def test_a_request_inside_of_work_on_a_text_is_not_the_users(message: str) -> None:
    assert decided(message) is None


@pytest.mark.parametrize(
    ("message", "operation"),
    [("보고서 관련 메일 찾아줘", "search"), ("내일 3시 보고서 마감 회의 잡아줘", "create_draft")],
)
def test_a_text_may_be_what_mail_and_entries_are_about(message: str, operation: str) -> None:
    decision = decided(message)
    assert decision is not None
    assert decision.operation == operation


@pytest.mark.parametrize("message", ["카페 메일함 확인해줘", "청구서 메일함에 온 메일 있어?"])
def test_a_folder_of_mail_is_nothing_to_search_for(message: str) -> None:
    assert decided(message) is None
