"""What programs are shown of a conversation."""

from datetime import datetime
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.conversation import Message, Role
from router.decide.decision import PendingQuestion, Slot
from router.sessions.showing import cursor_of, last_of, mark_of, overview_json, transcript_json
from router.sessions.store import Mark, Session, Transcript
from router.sessions.trimming import Summary, entry_of
from router.tools.spec import PendingDraft

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Seoul"))
AT = NOW.timestamp()
SAID = (entry_of(Message(Role.USER, "안녕"), AT - 60), entry_of(Message(Role.ASSISTANT, "hi"), AT - 59.5))
BARE = Transcript(Session("room-1", "kim", AT - 3600, AT - 60), SAID, (), None, None)
FULL = Transcript(
    Session("room-1", "kim", AT - 3600, AT - 60, "ko", Summary("요약", AT - 600)),
    SAID,
    SAID[:1],
    PendingDraft("calendar", "create_draft", {"title": "회의"}, "등록할까요?", AT + 1),
    PendingQuestion("calendar", "create_draft", {}, Slot.DATE, ("오늘",), 2, AT + 5),
)


def test_a_line_of_a_list_says_what_there_is_and_nothing_that_was_said() -> None:
    assert overview_json(FULL, NOW) == {
        "id": "room-1",
        "created_at": "2026-03-02T08:00:00.000+09:00",
        "used_at": "2026-03-02T08:59:00.000+09:00",
        "language": "ko",
        "messages": 2,
        "tokens": 11,
        "summarised": True,
        "draft": {"summary": "등록할까요?", "expires_at": AT + 1, "expired": False},
        "question": "date",
    }
    bare = overview_json(BARE, NOW)
    assert (bare["language"], bare["summarised"], bare["draft"], bare["question"]) == (None, False, None, None)


def test_an_export_has_everything_with_its_times_and_is_json() -> None:
    whole = transcript_json(FULL, NOW)
    assert whole["summary"] == {"text": "요약", "until": "2026-03-02T08:50:00.000+09:00"}
    assert whole["messages"] == [
        {"at": "2026-03-02T08:59:00.000+09:00", "role": "user", "text": "안녕"},
        {"at": "2026-03-02T08:59:00.500+09:00", "role": "assistant", "text": "hi"},
    ]
    assert [said["text"] for said in whole["dropped"]] == ["안녕"]
    assert whole["draft"]["params"] == {"title": "회의"}
    assert (whole["question"]["slot"], whole["question"]["choices"]) == ("date", ["오늘"])
    assert orjson.loads(orjson.dumps(whole)) == whole
    bare = transcript_json(BARE, NOW)
    assert (bare["summary"], bare["draft"], bare["question"]) == (None, None, None)


@pytest.mark.parametrize(("expires_in_seconds", "expired"), [(0.001, False), (0.0, True), (-1.0, True)])
def test_a_draft_says_whether_its_time_is_over(expires_in_seconds: float, expired: bool) -> None:
    draft = PendingDraft("calendar", "create_draft", {}, "", AT + expires_in_seconds)
    transcript = Transcript(BARE.session, (), (), draft, None)
    assert overview_json(transcript, NOW)["draft"]["expired"] is expired


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_a_cursor_names_its_place_to_the_last_bit(used_at: float, session_id: str) -> None:
    mark = Mark(used_at, "kim", session_id)
    assert mark_of(cursor_of(mark), "kim") == mark


@pytest.mark.parametrize("nonsense", ["", "room-1", "yesterday~room-1", "~room-1"])
def test_a_cursor_that_nobody_gave_is_none(nonsense: str) -> None:
    with pytest.raises(ValueError, match=r"no cursor|could not convert"):
        mark_of(nonsense, "kim")


def test_the_place_behind_a_page_is_behind_its_last() -> None:
    assert last_of([]) is None
    assert last_of([FULL, BARE]) == Mark(AT - 60, "kim", "room-1")
