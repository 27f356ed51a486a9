"""A question is found again in a conversation that the caller keeps."""

from router.conversation import Message, Role
from router.decide.decision import Slot
from router.decide.pipeline import Stages, decide_at_once
from router.decide.recalling import MOST_EXCHANGES, recalled
from tests.router.decide.given import NOW, RULES, facts

STAGES = Stages(RULES)


def conversation(*messages: str) -> list[Message]:
    """What was said, Maek's own questions among it."""
    history: list[Message] = []
    for message in messages:
        before = facts().__class__(NOW, "ko", None, recalled(history, facts(), STAGES))
        decision = decide_at_once(message, before, STAGES).decision
        answer = (decision.response if decision is not None else None) or "다른 답"
        history += [Message(Role.USER, message), Message(Role.ASSISTANT, answer + "\n1. 오늘")]
    return history


def test_the_last_question_is_recalled_with_all_that_was_answered_before() -> None:
    question = recalled(conversation("회의 잡아줘", "내일", "8시"), facts(), STAGES)
    assert question is not None
    assert (question.slot, question.params["title"], question.params["date"]) == (Slot.HALF, "회의", "2026-11-26")


def test_what_was_answered_or_passed_over_is_not() -> None:
    assert recalled(conversation("회의 잡아줘", "내일 3시"), facts(), STAGES) is None
    assert recalled(conversation("회의 잡아줘", "안녕"), facts(), STAGES) is None
    assert recalled(conversation("오늘 일정"), facts(), STAGES) is None


def test_only_what_maek_asked_itself_is_a_question() -> None:
    asked = conversation("회의 잡아줘")
    assert recalled([asked[0], Message(Role.ASSISTANT, "아무 말")], facts(), STAGES) is None
    assert recalled(asked[:1], facts(), STAGES) is None
    assert recalled((), facts(), STAGES) is None
    assert recalled([asked[1], asked[1]], facts(), STAGES) is None


def test_no_more_of_a_long_conversation_is_read_than_a_question_can_take() -> None:
    history = conversation("회의 잡아줘") + conversation("안녕") * MOST_EXCHANGES + conversation("내일 회의 잡아줘")
    question = recalled(history, facts(), STAGES)
    assert question is not None
    assert question.slot is Slot.TIME
