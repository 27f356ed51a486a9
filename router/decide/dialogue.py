"""A question that Maek asked back, and what follows from the message that comes next.

Rules of this file
- Pure. What a message is to the question is heard in `hearing`; what follows from that stands in one table.
- A message that is about something else ends the question and is decided as if none had been asked.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import assert_never

from router.decide.decision import Decision, PendingQuestion, Slot
from router.decide.entry import asking, completed
from router.decide.hearing import Answer, Heard, heard
from router.decide.request import Request
from router.language import pick


class Step(StrEnum):
    """What follows."""

    GO_ON = "go_on"
    """The next question, or the draft."""
    ASK_AGAIN = "ask_again"
    DROP = "drop"
    """The user does not want it any more."""
    LET_GO = "let_go"
    """Asked often enough."""
    FORGET = "forget"
    """Decide the message as new."""


TRANSITIONS: Mapping[tuple[bool, Heard], Step] = {
    # The state is whether the question may be asked again.
    (True, Heard.FILLS): Step.GO_ON,
    (True, Heard.ASIDE): Step.ASK_AGAIN,
    (True, Heard.REFUSES): Step.DROP,
    (True, Heard.VAGUE): Step.ASK_AGAIN,
    (True, Heard.IMPOSSIBLE): Step.ASK_AGAIN,
    (True, Heard.ELSE): Step.FORGET,
    (False, Heard.FILLS): Step.GO_ON,
    (False, Heard.ASIDE): Step.LET_GO,
    (False, Heard.REFUSES): Step.DROP,
    (False, Heard.VAGUE): Step.LET_GO,
    (False, Heard.IMPOSSIBLE): Step.LET_GO,
    (False, Heard.ELSE): Step.FORGET,
}

MAX_CHARACTERS = 100
"""A longer message has more in it than an answer."""
_MORE_KO = "조금만 더 알려 주세요."
_MORE_EN = "I need a little more."
_DROPPED_KO = "알겠어요, 그만둘게요. 필요하면 다시 말씀해 주세요."
_DROPPED_EN = "All right, I'll leave it. Just tell me if you want it after all."
_LET_GO_KO = "이 일정은 일단 넣지 않고 둘게요. 정해지면 '내일 3시 회의 잡아줘'처럼 한 번에 말씀해 주세요."
_LET_GO_EN = 'I\'ll leave it for now. Once it is clear, tell me in one go, such as "set up a meeting tomorrow at 3 pm".'


def question_answer(request: Request) -> Decision | None:
    """A pending question's next step; None without one, or where the message is about something else."""
    question = request.facts.question
    if question is None or len(request.message) > MAX_CHARACTERS:
        return None
    answer = heard(request, question)
    known = replace(question, params={**question.params, **answer.found})
    language = request.facts.language
    step = TRANSITIONS[question.again > 0, answer.heard]
    match step:
        case Step.GO_ON:
            return _further(request, known, answer)
        case Step.ASK_AGAIN:
            more = "" if answer.heard is Heard.ASIDE else pick(language, ko=_MORE_KO, en=_MORE_EN)
            return _again(request, known, answer.why or more)
        case Step.DROP:
            return request.answer("question_dropped", pick(language, ko=_DROPPED_KO, en=_DROPPED_EN))
        case Step.LET_GO:
            return request.answer("question_let_go", pick(language, ko=_LET_GO_KO, en=_LET_GO_EN))
        case Step.FORGET:
            return None
        case _:
            assert_never(step)


def _further(request: Request, question: PendingQuestion, answer: Answer) -> Decision | None:
    """The next question, or the draft."""
    if answer.either_half:
        return asking(request.facts, Slot.HALF, question.params)
    return completed(request, question.params)


def _again(request: Request, question: PendingQuestion, before: str) -> Decision:
    again = question.again - 1
    return asking(request.facts, question.slot, question.params, reason="asked_again", before=before, again=again)
