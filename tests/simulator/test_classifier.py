"""The known examples, decided by the simulator's rules."""

import pytest

from simulator.classifier import decide

MONDAY = "지금은 2026-11-23 09:00 (월요일)입니다."
FRIDAY = "Now: 2026-11-27T10:00:00+09:00"


def tool(name, operation, **params):
    return {"action": "tools", "tool": name, "operation": operation, "params": params}


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("오늘 일정", tool("calendar", "today")),
        ("이번주 일정", tool("calendar", "search", date_from="2026-11-23", date_to="2026-11-29")),
        ("내일 3시 회의", tool("calendar", "create_draft", title="회의", date="2026-11-24", time="15:00")),
        ("내일 오전 10시 회의", tool("calendar", "create_draft", title="회의", date="2026-11-24", time="10:00")),
        ("최근 메일", tool("email", "search", query="", days=7)),
        ("문서 찾아줘", tool("document", "search_full", query="문서 찾아줘")),
        ("산업안전보건법 제6장 내용이 뭐야", tool("document", "ask", query="산업안전보건법 제6장 내용이 뭐야")),
        ("ASME Section VIII 관련 자료", tool("document", "search_full", query="ASME Section VIII 관련 자료")),
        ("위험성평가 절차 알려줘", tool("document", "ask", query="위험성평가 절차 알려줘")),
        ("GPU 서버 상태", tool("infra", "status", host="gpu")),
        ("서비스 살아있어?", tool("infra", "health")),
        ("디스크 용량", tool("infra", "disk")),
        ("네트워크 상태", tool("infra", "network")),
        ("모델 뭐 있어?", tool("infra", "models", host="gpu")),
        ("What's my schedule for today?", tool("calendar", "today")),
        ("Set up a meeting tomorrow at 2 pm", tool(
            "calendar", "create_draft", title="Meeting", date="2026-11-24", time="14:00")),
    ],
)  # fmt: skip
def test_a_known_request_calls_its_tool(text, decision):
    assert decide(text, MONDAY) == decision


@pytest.mark.parametrize("text", ["안녕", "안녕하세요!", "고마워", "너 누구야?", "hi", "Hello there", "thanks"])
def test_small_talk_is_answered_directly_in_its_language(text):
    decision = decide(text, "")
    assert decision["action"] == "direct"
    assert any("가" <= letter <= "힣" for letter in decision["response"]) is not text.isascii()


def test_sending_mail_is_refused_and_never_a_tool():
    for text in ("메일 보내줘", "김 부장님께 메일 보내줘", "please send an email to Kim"):
        assert decide(text, MONDAY)["action"] == "direct"


@pytest.mark.parametrize("text", ["그거 해줘", "해줘", "이거 좀 해줘", "그것 처리해줘", "do it"])
def test_what_says_nothing_is_asked_back(text):
    assert decide(text, "")["action"] == "clarify"


@pytest.mark.parametrize("text", ["양자역학 설명해줘", "Explain quantum mechanics", "파이썬 코드 짜줘", "high tea?"])
def test_everything_else_goes_to_the_reasoner_as_it_is(text):
    assert decide(text, "") == {"action": "route", "prompt": text}


def test_the_week_is_the_week_of_the_prompts_date_and_none_without_one():
    assert decide("이번주 일정", FRIDAY)["params"] == {"date_from": "2026-11-23", "date_to": "2026-11-29"}
    assert decide("이번주 일정", "no date; 2026-13-99")["params"] == {}
    assert decide("내일 3시 회의", "")["params"] == {"title": "회의", "time": "15:00"}
