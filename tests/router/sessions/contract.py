"""What the contract of every session store is tested with."""

from router.conversation import Message, Role
from router.decide.decision import PendingQuestion, Slot
from router.sessions.store import Bounds
from router.tools.spec import PendingDraft

KIM, LEE = "0123456789ab", "ba9876543210"
BOUNDS = Bounds(tokens=200, age_seconds=1000.0, sessions=3)
QUESTION, ANSWER = Message(Role.USER, "안녕"), Message(Role.ASSISTANT, "안녕하세요!")


class SetClock:
    """Seconds since the epoch, as the test sets them."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


def draft(expires_at: float = 6000.0) -> PendingDraft:
    params = {"title": "회의", "date": "2026-03-02", "time": "15:00"}
    return PendingDraft("calendar", "create_draft", params, "3월 2일 15시 회의를 등록할까요?", expires_at)


def question(expires_at: float = 6000.0) -> PendingQuestion:
    known = {"title": "휴가", "time": None}
    return PendingQuestion("calendar", "create_draft", known, Slot.DATE, ("오늘", "내일"), 2, expires_at)
