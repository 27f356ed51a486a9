"""What the gates refuse, and the words that are left for a title or a search, whatever the model guesses."""

from dataclasses import replace

import pytest

from router.decide.intent.gates import refusal, speaks_to_assistant, wants_answer
from router.decide.intent.labels import Label
from router.decide.intent.slots import entry_title, mail_words
from router.decide.request import Request
from tests.router.decide.given import RULES, facts


def request(message: str) -> Request:
    return Request(message, facts(), RULES)


@pytest.mark.parametrize(
    ("label", "message", "why"),
    [
        (Label.DIRECT, "오늘 힘들었어", None),
        (Label.DIRECT, "아 " * 50, "long"),
        (Label.DIRECT, "피곤하다 " * 13, "long"),
        (Label.DIRECT, "고마워\n사랑해", "marks"),
        (Label.DIRECT, "이거 `rm` 뭐지", "marks"),
        (Label.DIRECT, "보고서 요약해줘", "work_on_a_text"),
        (Label.DIRECT, "짝남한테 정 떼는 방법 없나", None),
        (Label.DIRECT, "밥 먹고 나서 그리고 자", "more_than_one_thing"),
        (Label.DIRECT, "나 3번 남았다", "digits"),
        (Label.DIRECT, "헤어진 지 3일째", None),
        (Label.DIRECT, "메일 싫다", "tool_words"),
        (Label.DIRECT, "볼륨이 너무 크다", "tool_words"),
        (Label.DIRECT, "아까 말한 게 좋다", "pointing"),
        (Label.DIRECT, "우산 챙겨라", "asks"),
        (Label.DIRECT, "i feel great", None),
        (Label.DIRECT, "고객이 힘들다 라고 항의했다", "marks"),
        (Label.DIRECT, "보고 싶어 를 거꾸로", "spoken_of"),
        (Label.DIRECT, "일곱 시까지 역 앞이다", "arrangement"),
        (Label.DIRECT, "너네는 발표 없구나", "arrangement"),
        (Label.CALENDAR_QUERY, "when is the wedding", None),
        (Label.CALENDAR_QUERY, "내일 회의 몇 시야", None),
        (Label.CALENDAR_QUERY, "회의 몇 시야", "no_day"),
        (Label.CALENDAR_QUERY, "결혼식 언제야", None),
        (Label.CALENDAR_QUERY, "최근 일정 보여줘", "no_day"),
        (Label.CALENDAR_QUERY, "3시 일정 보여줘", "no_day"),
        (Label.CALENDAR_QUERY, "주간 일정 보여줘", "unread_days"),
        (Label.CALENDAR_QUERY, "일정 관리 잘하는 법 알려줘", "work_on_a_text"),
        (Label.CALENDAR_QUERY, "next meeting in two months or so", "unread_days"),
        (Label.CALENDAR_QUERY, "내일이랑 모레랑 글피 일정", "unread_days"),
        (Label.CALENDAR_QUERY, "내일 일정 취소해", "other_words"),
        (Label.CALENDAR_QUERY, "내일 어때", "no_calendar"),
        (Label.CALENDAR_QUERY, "남은 약속 있어", None),
        (Label.CALENDAR_CREATE, "내일 3시 치과 입력해줘", None),
        (Label.CALENDAR_CREATE, "매주 월요일 회의 넣어줘", "repeats"),
        (Label.CALENDAR_CREATE, "다음 주 회의 넣어줘", "unread_days"),
        (Label.CALENDAR_CREATE, "내일 3시 회의실 예약해줘", "other_words"),
        (Label.CALENDAR_CREATE, "내일 3시 회의에 간다", "no_adding"),
        (Label.MAIL_QUERY, "교수님이 보낸 메일 있어", None),
        (Label.MAIL_QUERY, "문자 왔어", "no_mail"),
        (Label.MAIL_QUERY, "지난 두 시간 동안 온 메일 있니", None),
        (Label.MAIL_QUERY, "내일이랑 모레랑 글피 메일", "unread_days"),
        (Label.MAIL_QUERY, "어제 온 메일 지워", "other_words"),
        (Label.MAIL_SEND, "과장님께 메일 보내줘", None),
        (Label.MAIL_SEND, "답장해줘", None),
        (Label.MAIL_SEND, "문서 보내줘", "no_mail"),
        (Label.MAIL_SEND, "메일 보냈어", "other_words"),
        (Label.MAIL_SEND, "메일 좋다", "other_words"),
        (Label.NEAR, "안녕", "never_decides"),
    ],
)
def test_a_gate_says_why_it_refuses(label: Label, message: str, why: str | None) -> None:
    assert refusal(request(message), label) == why


@pytest.mark.parametrize("talk", ["오늘 힘들었어", "사랑이 뭘까?", "농담 해줘", "라면 먹어야지", "배고프다"])
def test_talk_that_wants_a_listener(talk: str) -> None:
    assert not wants_answer(talk)


@pytest.mark.parametrize("talk", ["한강에 놀러 갈까", "우산 챙겨라", "밥은 먹었니", "어디 가", "약 드세요", "수도는?"])
def test_talk_that_wants_an_answer_or_orders(talk: str) -> None:
    assert wants_answer(talk)


def test_talk_to_the_assistant_itself() -> None:
    assert speaks_to_assistant("안녕하세요")
    assert not speaks_to_assistant("우산 챙겨라")


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("내일 3시 치과 예약 일정 입력해줘", "치과 예약"),
        ("모레 민수랑 저녁을 캘린더에 좀 넣어줄래", "민수랑 저녁"),
        ("내일 새 일정 추가해줘", ""),
        ("please add lunch with bob to my calendar tomorrow", "lunch with bob"),
        ("내일 3시에 친구가 온다니까 일정 추가해줘", None),
        ("내일 김 과장 박 대리 이 사원 최 부장 정 차장 미팅 넣어줘", None),
    ],
)
def test_a_title_is_what_is_left_of_the_request(message: str, title: str | None) -> None:
    assert entry_title(request(message)) == title


@pytest.mark.parametrize(
    ("message", "query"),
    [
        ("어제 온 메일 나열해줘", ""),
        ("김철수 님이 보낸 이메일이 있는지 확인해줘", "김철수"),
        ("거래처에서 온 견적서 메일 찾아줄래", "거래처 견적서"),
        ("did i get any emails about the invoice", "invoice"),
        ("내가 저번에 빌려준다고 했던 메일 찾아줘", None),
        ("김 이 박 최 정 강 조 메일 찾아줘", None),
    ],
)
def test_a_query_is_what_is_left_of_the_request(message: str, query: str | None) -> None:
    assert mail_words(request(message)) == query


@pytest.mark.parametrize(
    ("message", "query"),
    [
        ("교수님에게 온 이메일 읽어줘", "교수"),
        ("안읽은 편지함에 있는 메일 중에 한 달 전에 온 메일이 뭐였니", ""),
        ("강연이라는 제목의 메일 왔니", "강연"),
        ("최근에 김 대리한테 받은 메일이 뭐였어", "김 대리"),
        ("받은 메일함에 있는 메일 개수 알려줘", ""),
        ("메일로 진단서가 왔니", "진단서"),
        ("어머니한테 온 메일", "어머니"),
        ("어제 밤에 회사에서 메일이 왔는지 확인해줘", "회사"),
    ],
)
def test_a_korean_topic_stands_before_its_mail_and_a_verb_is_none(message: str, query: str) -> None:
    assert mail_words(request(message)) == query


@pytest.mark.parametrize(
    "message", ["어버이날 전날 저녁 아홉시 꽃가게 가기 일정 추가해", "추석 다음 날 3시 약속 추가해줘"]
)
def test_a_day_beside_a_day_is_no_day_of_an_entry(message: str) -> None:
    assert refusal(request(message), Label.CALENDAR_CREATE) in {"other_words", "unread_days"}


def test_in_a_conversation_talk_may_be_about_what_was_said_and_a_request_is_still_one() -> None:
    talking = replace(facts(), in_conversation=True)
    assert refusal(Request("너무 길어", talking, RULES), Label.DIRECT) == "in_conversation"
    assert refusal(Request("내일 회의 몇 시야", talking, RULES), Label.CALENDAR_QUERY) is None
