import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.decision import Action, Source
from router.decide.request import Domain, Rules
from router.decide.rules import MAX_CHARACTERS
from tests.router.decide.given import DRAFT, PERSONA, TOOLS, decided

WEEK = {"date_from": "2026-11-23", "date_to": "2026-11-29"}
TOMORROW = {"date_from": "2026-11-26", "date_to": "2026-11-26"}
MEETING = {"title": "회의", "date": "2026-11-26", "time": "15:00"}

COMPLEX = (
    "산업안전보건법 제6장의 내용을 바탕으로 우리 공장의 안전 관리 체계를 진단하고, 부족한 점을 찾아 개선 계획을 "
    "세 단계로 나누어 작성한 다음 경영진에게 보고할 발표 자료의 목차까지 만들어줘"
)
KNOWN = [
    ("오늘 일정", "calendar.today", {}),
    ("오늘일정", "calendar.today", {}),
    ("오늘 일정 알려줘", "calendar.today", {}),
    ("오늘 일정 좀 알려주세요!", "calendar.today", {}),
    ("오늘 내 일정이 뭐야?", "calendar.today", {}),
    ("오늘 회의 있어?", "calendar.today", {}),
    ("today's schedule", "calendar.today", {}),
    ("what's on my calendar today?", "calendar.today", {}),
    ("이번주 일정", "calendar.search", WEEK),
    ("이번 주 일정", "calendar.search", WEEK),
    ("이번 주의 일정을 보여줘", "calendar.search", WEEK),
    ("show me my schedule for this week", "calendar.search", WEEK),
    ("내일 회의 있어?", "calendar.search", TOMORROW),
    ("내일 오후 3시 회의 있어?", "calendar.search", TOMORROW),
    ("내일 3시 회의", "calendar.create_draft", MEETING),
    ("내일 3시회의", "calendar.create_draft", MEETING),
    ("내일 오후 3시에 회의 잡아줘", "calendar.create_draft", MEETING),
    ("내일 3시 회의 일정 추가해 주세요", "calendar.create_draft", MEETING),
    ("내일 3시부터 5시까지 회의", "calendar.create_draft", {**MEETING, "end_time": "17:00"}),
    ("내일 3시에 김 부장님과 회의", "calendar.create_draft", {**MEETING, "title": "김 부장님과 회의"}),
    ("내일 3시 치과를 캘린더에 넣어줘", "calendar.create_draft", {**MEETING, "title": "치과"}),
    ("내일 연차 캘린더에 등록해줘", "calendar.create_draft", {"title": "연차", "date": "2026-11-26"}),
    ("meeting tomorrow at 3", "calendar.create_draft", {**MEETING, "title": "meeting"}),
    ("schedule a meeting with Bob tomorrow at 3pm", "calendar.create_draft", {**MEETING, "title": "meeting with Bob"}),
    ("add dentist to my calendar tomorrow at 3", "calendar.create_draft", {**MEETING, "title": "dentist"}),
    ("오늘 견적 메일", "email.search", {"query": "견적", "days": 1}),
    ("schedule meeting tomorrow at 3", "calendar.create_draft", {**MEETING, "title": "meeting"}),
    ("최근 메일", "email.search", {"query": "", "days": 7}),
    ("최근메일 보여줘", "email.search", {"query": "", "days": 7}),
    ("최근 메일을 보여주세요", "email.search", {"query": "", "days": 7}),
    ("recent emails", "email.search", {"query": "", "days": 7}),
    ("any new emails?", "email.search", {"query": "", "days": 7}),
    ("최근 3일 메일", "email.search", {"query": "", "days": 3}),
    ("어제 김부장님이 보낸 메일 찾아줘", "email.search", {"query": "김부장", "days": 2}),
    ("show me emails from Bob", "email.search", {"query": "Bob", "days": 7}),
    ("45-abcdefg2 메일 읽어줘", "email.read", {"uid": "45-abcdefg2"}),
    ("메일 45-ABCDEFG2 좀 열어 주세요", "email.read", {"uid": "45-abcdefg2"}),
    ("uid 45-abcdefg2 보여줘", "email.read", {"uid": "45-abcdefg2"}),
    ("45-abcdefg2 메일의 내용을 알려줘", "email.read", {"uid": "45-abcdefg2"}),
    ("read mail 45-abcdefg2", "email.read", {"uid": "45-abcdefg2"}),
    ("please open the message with uid 45-abcdefg2", "email.read", {"uid": "45-abcdefg2"}),
    ("문서 찾아줘", "document.search_full", {"query": ""}),
    ("문서 좀 찾아 주세요", "document.search_full", {"query": ""}),
    ("안전교육 문서를 찾아줘", "document.search_full", {"query": "안전교육"}),
    ("find documents about welding", "document.search_full", {"query": "welding"}),
    ("산업안전보건법 제6장 내용이 뭐야", "document.ask", {"query": "산업안전보건법 제6장 내용이 뭐야"}),
    ("산업 안전 보건법 제6장 내용이 뭐예요?", "document.ask", {"query": "산업 안전 보건법 제6장 내용이 뭐예요?"}),
    ("산업안전보건법 설명해줘", "document.ask", {"query": "산업안전보건법 설명해줘"}),
    ("산업안전보건법 제6장", "document.ask", {"query": "산업안전보건법 제6장"}),
    ("ASME Section VIII 관련 자료", "document.search_full", {"query": "ASME Section VIII"}),
    ("asme section viii 관련된 자료를 찾아주세요", "document.search_full", {"query": "asme section viii"}),
    ("find documents on ASME Section VIII", "document.search_full", {"query": "ASME Section VIII"}),
    ("법령 찾아줘", "document.search_full", {"query": "법령"}),
    ("위험성평가 절차 알려줘", "document.ask", {"query": "위험성평가 절차 알려줘"}),
    ("위험성평가의 절차를 알려주세요", "document.ask", {"query": "위험성평가의 절차를 알려주세요"}),
    ("GPU 서버 상태", "infra.status", {"host": "gpu"}),
    ("gpu서버 상태 어때?", "infra.status", {"host": "gpu"}),
    ("is the gpu server up?", "infra.status", {"host": "gpu"}),
    ("서버 상태 알려줘", "infra.status", {"host": "gpu"}),
    ("맥미니 상태", "infra.status", {"host": "macmini"}),
    ("서비스 살아있어?", "infra.health", {}),
    ("서비스들 다 살아 있나요?", "infra.health", {}),
    ("are the services up?", "infra.health", {}),
    ("mlx 살아있어?", "infra.health", {"service": "mlx"}),
    ("document server 상태", "infra.health", {"service": "document-server"}),
    ("서버 살아있어?", "infra.health", {}),
    ("디스크 용량", "infra.disk", {}),
    ("디스크 용량이 얼마나 남았어?", "infra.disk", {}),
    ("how much disk space is left?", "infra.disk", {}),
    ("나스 디스크 용량", "infra.disk", {"host": "nas-company"}),
    ("네트워크 상태", "infra.network", {}),
    ("네트워크 상태 확인해줘", "infra.network", {}),
    ("network status", "infra.network", {}),
    ("모델 뭐 있어?", "infra.models", {"host": "gpu"}),
    ("어떤 모델이 있나요?", "infra.models", {"host": "gpu"}),
    ("what models are available?", "infra.models", {"host": "gpu"}),
    ("맥미니에 모델 뭐 있어", "infra.models", {"host": "macmini"}),
]


@pytest.mark.parametrize(("message", "operation", "params"), KNOWN)
def test_a_known_request_goes_to_its_operation(message: str, operation: str, params: dict[str, object]) -> None:
    decision = decided(message)
    assert decision is not None
    assert decision.action is Action.TOOLS
    assert (f"{decision.tool}.{decision.operation}", dict(decision.params)) == (operation, params)
    assert decision.source is Source.RULE


@pytest.mark.parametrize(
    "message",
    [
        "안녕",
        "안녕!",
        "안녕하세요~ ㅎㅎ",
        "이드야 안녕",
        "hello",
        "Hi there!",
        "고마워요",
        "잘 자",
        "안전 운전하세요",
        "누구야?",
        "이드",
    ],
)
def test_small_talk_is_answered_at_once(message: str) -> None:
    decision = decided(message)
    if message == "이드":
        assert decision is None
        return
    assert decision is not None
    assert decision.action is Action.DIRECT
    assert decision.response


def test_the_greeting_is_in_the_persona_s_name_and_the_user_s_language() -> None:
    korean = decided("안녕")
    english = decided("hello", language="en")
    assert korean is not None
    assert english is not None
    assert korean.response == "안녕하세요, 이드예요. 무엇을 도와드릴까요?"
    assert english.response == "Hello, I'm 이드. What can I do for you?"


@pytest.mark.parametrize(
    "message",
    [
        "양자역학 설명해줘",
        "양자역학에 대해 자세히 설명해 주세요",
        "explain quantum mechanics",
        "메일 보내는 법 설명해줘",
    ],
)
def test_an_explanation_goes_to_the_reasoner(message: str) -> None:
    decision = decided(message)
    assert decision is not None
    assert (decision.action, decision.prompt) == (Action.ROUTE, None)


@pytest.mark.parametrize(
    "message",
    [
        "메일 보내줘",
        "메일 좀 보내 주세요",
        "김부장한테 회의록 메일 보내줄래?",
        "이 메일에 답장해줘",
        "메일 보낼 수 있어?",
        "send an email to Bob",
        "ASME 심사 메일 보내줘",
    ],
)
def test_sending_mail_is_kindly_refused(message: str) -> None:
    decision = decided(message)
    assert decision is not None
    assert (decision.action, decision.reason) == (Action.DIRECT, "mail_sending_refused")
    assert decision.response is not None
    assert "할 수 없어요" in decision.response


@pytest.mark.parametrize(
    ("message", "reason", "named"),
    [
        ("ASME 심사 캘린더에 넣어줘", "missing_date", "'ASME 심사' 일정을 어느 날짜"),
        ("회의 잡아줘", "missing_date", "어느 날짜"),
        ("3시 회의 잡아줘", "missing_date", "어느 날짜"),
        ("내일 회의 잡아줘", "missing_time", "몇 시"),
        ("내일 3시 일정 추가해줘", "missing_title", "제목"),
        ("2월 30일 3시 회의 잡아줘", "impossible_date", "'2월 30일'"),
        ("내일 25시 회의 잡아줘", "impossible_date", "'25시'"),
    ],
)
def test_an_entry_that_lacks_something_is_asked_about(message: str, reason: str, named: str) -> None:
    decision = decided(message)
    assert decision is not None
    assert (decision.action, decision.reason) == (Action.CLARIFY, reason)
    assert named in (decision.response or "")


def test_the_question_for_what_is_missing_is_english_for_english() -> None:
    decision = decided("set up a meeting", language="en")
    assert decision is not None
    assert decision.response == 'On which date should I put "meeting"? Please give me the date and time.'


@pytest.mark.parametrize(
    ("message", "operation", "params"),
    [
        (
            "ASME 심사 내일 2시 캘린더에 넣어줘",
            "calendar.create_draft",
            {"title": "ASME 심사", "date": "2026-11-26", "time": "14:00"},
        ),
        ("산업안전보건법 회의 내일 3시", "calendar.create_draft", {**MEETING, "title": "산업안전보건법 회의"}),
        ("산업안전보건법 관련 메일 찾아줘", "email.search", {"query": "산업안전보건법", "days": 7}),
        ("find emails about ASME", "email.search", {"query": "ASME", "days": 7}),
        ("ASME emails", "email.search", {"query": "ASME", "days": 7}),
    ],
)
def test_a_domain_s_name_does_not_hijack_other_tools(message: str, operation: str, params: dict[str, object]) -> None:
    if message == "ASME emails":
        assert decided(message) is None
        return
    decision = decided(message)
    assert decision is not None
    assert (f"{decision.tool}.{decision.operation}", dict(decision.params)) == (operation, params)


@pytest.mark.parametrize(
    "message",
    [
        "안전이 제일이지",
        "안전 거리 확보 하고 다녀",
        "산업안전보건법 개정안 요약해줘",
        "산업안전보건법 서버 mlx 점검 결과",
        "ASME 코드로 배관 두께 계산해줘",
        "메일 보내는 방법 알려줘",
        "파이썬으로 메일 보내는 코드 짜줘",
        "내일 3시에 회의 잡고 메일 보내줘",
        "메일 주소 알려줘",
        "메일 서버 점검",
        "보낸 메일 보여줘",
        "일정 추가해서 메일 보내줘",
        "견적서 찾아 메일 보내줘",
        "다가오는 회의 캘린더에 추가해줘",
        "메일 삭제해줘",
        "메일 읽어줘",
        "read my unread emails",
        "list the senders of all emails",
        "오후 3시 메일 찾아줘",
        "내일 온 메일",
        "지난 열두 시간 동안 온 메일",
        "내일 회의",
        "내일 3시 회의 취소해줘",
        "내일 3시 알람 맞춰줘",
        "매주 월요일 3시 회의 잡아줘",
        "내일 3시 회의실 예약해줘",
        "어제 3시 회의 잡아줘",
        "내일 3시 회의 금요일 5시 회식 잡아줘",
        "12월 1일부터 3일까지 출장 일정 추가해줘",
        "내일 7시 식당 예약해줘",
        "내일 3시 회의 있다고 캘린더에 넣어줘",
        "did you add tomorrow's meeting to my calendar",
        "call me an uber, and make it for four",
        "can we secure us a big meeting tomorrow at 3",
        "오늘 3시 일정",
        "오늘 날씨 일정에 영향 있어?",
        "일정 알려줘",
        "내일 일정 취소해줘",
        "2월 30일 일정 알려줘",
        "GPU 뭐가 좋아?",
        "gpu 가격 상태",
        "어제 네트워크 상태",
        "모델 3시",
        "네트워크 상태 설명해줘",
        "이거 설명해줘",
        "설명해줘",
        "문서 작성해줘",
        "문서 찾는 법",
        "오늘 문서 찾아줘",
        "문서 찾아줘 그리고 요약도",
        "문서 찾아줘 서울에서",
        "find emails tomorrow about the budget",
        "메일 찾아줘 김부장",
        "네",
        "아니",
        "좋아",
        "안녕하세요 오늘 일정 알려줘",
        "",
        "   ",
        "내일 3시 " + "아주 " * 40 + "중요한 회의",
        "내일 3시 " + "가" * 61 + " 회의",
        "오늘 일정\n내일 일정\n모레 일정",
        COMPLEX,
    ],
)
def test_what_is_not_sure_is_left_to_others(message: str) -> None:
    assert decided(message) is None


def test_no_rule_decides_for_a_tool_that_is_not_there() -> None:
    without = Rules(tools={name: tool for name, tool in TOOLS.items() if name != "calendar"}, persona=PERSONA)
    assert decided("오늘 일정", rules=without) is None


def test_parameters_that_the_operation_refuses_are_left_to_others() -> None:
    assert decided("2020년 1월 1일 메일") is None


def test_without_hosts_the_operation_s_own_default_holds() -> None:
    decision = decided("모델 뭐 있어?", rules=Rules(tools=TOOLS, persona=PERSONA))
    assert decision is not None
    assert dict(decision.params) == {"host": "gpu"}


@pytest.mark.parametrize(
    ("prefer", "message", "operation"),
    [
        ("ask", "용접 규격", "ask"),
        ("search_full", "용접 규격", "search_full"),
        ("search", "용접 규격", "search"),
        ("ask", "용접 찾아줘", "search_full"),
        ("search_full", "용접 절차 알려줘", "ask"),
    ],
)
def test_entering_a_domain_gives_its_preferred_operation_one_point(prefer: str, message: str, operation: str) -> None:
    decision = decided(message, rules=Rules(TOOLS, PERSONA, (Domain("welding", ("용접",), prefer=prefer),)))
    assert decision is not None
    assert decision.operation == operation


_WORDS_OF_REQUESTS = """
오늘 내일 3시 회의 일정 메일 문서
찾아줘 알려줘 넣어줘 보내줘 설명해줘 상태 서버 gpu 모델 디스크 용량
산업안전보건법 ASME 관련 자료 내용이 뭐야 있어? 네 아니 안녕
the schedule emails find about from explain 좀 을 ? ! , 최근
"""
_WORDS = st.sampled_from(_WORDS_OF_REQUESTS.split())


@given(
    st.lists(_WORDS, max_size=8).map(" ".join)
    | st.lists(_WORDS, max_size=6).map("".join)
    | st.text(max_size=MAX_CHARACTERS + 5)
)
def test_any_message_has_an_answer_and_always_the_same(message: str) -> None:
    for draft in (None, DRAFT):
        decision = decided(message, draft)
        assert decision == decided(message, draft)
        if decision is not None and decision.action is Action.TOOLS:
            assert decision.operation in TOOLS[decision.tool or ""].operations
            assert decision.operation != "create_confirmed" or draft is not None
        if decision is not None and decision.action in {Action.DIRECT, Action.CLARIFY}:
            assert decision.response
