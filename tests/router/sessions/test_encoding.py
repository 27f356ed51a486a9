"""What is stored comes back as it was."""

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.conversation import Message, Role
from router.decide.decision import PendingQuestion, Slot
from router.sessions.encoding import (
    draft_from_bytes,
    draft_to_bytes,
    history_from_bytes,
    history_to_bytes,
    question_from_bytes,
    question_to_bytes,
)
from router.sessions.trimming import entry_of
from router.tools.spec import PendingDraft

instants = st.floats(0, 4e9)
entries = st.builds(
    entry_of, st.builds(Message, role=st.sampled_from(Role), text=st.text(), found=st.booleans()), instants
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
drafts = st.builds(
    PendingDraft,
    tool=st.text(),
    operation=st.text(),
    params=st.dictionaries(st.text(), json_values, max_size=4),
    summary=st.text(),
    expires_at=instants,
)


questions = st.builds(
    PendingQuestion,
    tool=st.text(),
    operation=st.text(),
    params=st.dictionaries(st.text(), json_values, max_size=4),
    slot=st.sampled_from(Slot),
    choices=st.lists(st.text(), max_size=4).map(tuple),
    again=st.integers(0, 9),
    expires_at=instants,
)


@given(st.lists(entries, max_size=6))
def test_a_history_comes_back_as_it_was(history):
    assert history_from_bytes(history_to_bytes(history)) == tuple(history)


@given(drafts)
def test_a_draft_comes_back_as_it_was(draft):
    assert draft_from_bytes(draft_to_bytes(draft)) == draft


@given(questions)
def test_a_question_comes_back_as_it_was(question):
    assert question_from_bytes(question_to_bytes(question)) == question


def test_a_draft_whose_params_are_frozen_can_be_stored():
    draft = PendingDraft("calendar", "create_draft", MappingProxyType({"title": "회의"}), "회의를 등록할까요?", 1.0)
    assert draft_from_bytes(draft_to_bytes(draft)).params == {"title": "회의"}


def test_params_that_are_not_json_are_refused():
    with pytest.raises(TypeError):
        draft_to_bytes(PendingDraft("calendar", "create_draft", {"when": object()}, "", 1.0))


def test_a_history_from_before_tools_marked_what_they_found_is_read_as_said() -> None:
    assert history_from_bytes(b'[[5.0,3,"user","hi"]]')[0].message == Message(Role.USER, "hi", found=False)
