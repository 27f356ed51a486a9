"""What is remembered of a conversation, and what is forgotten first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.conversation import Message, Role
from router.sessions.trimming import Entry, cut, entry_of, parted, remaining, trimmed, turns
from router.tokens import MESSAGE_OVERHEAD_TOKENS, estimate_tokens

AGE_SECONDS = 100.0
NOW = 1_000.0

texts = st.text(max_size=60)
messages = st.builds(Message, role=st.sampled_from(Role), text=texts)
entries = st.lists(st.builds(entry_of, messages, st.floats(NOW - 2 * AGE_SECONDS, NOW)), max_size=12)
budgets = st.integers(0, 200)


def user(text: str, at: float = NOW) -> Entry:
    return entry_of(Message(Role.USER, text), at)


def assistant(text: str, at: float = NOW) -> Entry:
    return entry_of(Message(Role.ASSISTANT, text), at)


def kept(conversation: list[Entry], tokens: int) -> tuple[Entry, ...]:
    return trimmed(conversation, tokens=tokens, age_seconds=AGE_SECONDS, now=NOW)


# Twelve ASCII characters are four tokens, and four more are put around each message: a turn of two is 16.
FIRST = [user("a" * 12), assistant("b" * 12)]
SECOND = [user("c" * 12), assistant("d" * 12)]
TURN_TOKENS = 16


def test_the_example_turns_cost_what_the_tables_below_say():
    assert [sum(entry.tokens for entry in turn) for turn in (FIRST, SECOND)] == [TURN_TOKENS, TURN_TOKENS]


def test_a_turn_is_what_the_user_said_and_everything_up_to_what_they_said_next():
    conversation = [assistant("hello"), *FIRST, assistant("and"), *SECOND]
    assert turns(conversation) == [
        (assistant("hello"),),
        (*FIRST, assistant("and")),
        tuple(SECOND),
    ]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (2 * TURN_TOKENS, [*FIRST, *SECOND]),
        (2 * TURN_TOKENS - 1, SECOND),
        (TURN_TOKENS, SECOND),
    ],
)
def test_the_oldest_turn_goes_first_and_whole(tokens, expected):
    assert kept([*FIRST, *SECOND], tokens) == tuple(expected)


def test_no_turn_is_skipped_to_make_room_for_an_older_one():
    small, large, newest = [user("a")], [user("b" * 300)], [user("c")]
    assert kept([*small, *large, *newest], 20) == tuple(newest)


@pytest.mark.parametrize(("age_seconds", "remembered"), [(AGE_SECONDS - 0.5, True), (AGE_SECONDS, False)])
def test_a_turn_is_forgotten_at_its_age(age_seconds, remembered):
    conversation = [user("a", NOW - age_seconds)]
    assert bool(kept(conversation, 100)) is remembered


def test_a_turn_is_as_old_as_its_last_message():
    conversation = [user("a", NOW - 2 * AGE_SECONDS), assistant("b", NOW)]
    assert kept(conversation, 100) == tuple(conversation)


@pytest.mark.parametrize("long_one", [0, 1])
def test_the_newest_turn_is_shortened_rather_than_lost(long_one):
    said = ["why?", "why?"]
    said[long_one] = "because " * 100
    shorter = kept([*FIRST, user(said[0]), assistant(said[1])], 50)
    assert shorter[1 - long_one].message.text == "why?"
    assert shorter[long_one].message.text.endswith("…")
    assert said[long_one].startswith(shorter[long_one].message.text[:-1])
    # Most of the bound is used: the short message leaves its share to the long one.
    assert sum(entry.tokens for entry in shorter) > 45


def test_nothing_is_kept_when_not_one_token_fits():
    assert kept([user("hello")], MESSAGE_OVERHEAD_TOKENS) == ()


@given(entries, budgets)
def test_the_bound_in_tokens_always_holds(conversation, tokens):
    remembered = kept(conversation, tokens)
    assert sum(MESSAGE_OVERHEAD_TOKENS + estimate_tokens(entry.message.text) for entry in remembered) <= tokens


@given(entries, budgets)
def test_what_is_remembered_is_whole_turns_from_the_end_or_the_newest_one_shortened(conversation, tokens):
    fresh = [turn for turn in turns(conversation) if turn[-1].at > NOW - AGE_SECONDS]
    remembered = turns(kept(conversation, tokens))
    if len(remembered) == 1 and remembered != fresh[-1:]:
        assert [entry.message.role for entry in remembered[0]] == [entry.message.role for entry in fresh[-1]]
    else:
        assert remembered == fresh[len(fresh) - len(remembered) :]


@given(entries, budgets)
def test_trimming_what_was_trimmed_changes_nothing(conversation, tokens):
    once = kept(conversation, tokens)
    assert kept(list(once), tokens) == once


@given(st.text(max_size=400), st.integers(0, 150))
def test_a_cut_text_fits_and_is_a_beginning(text, tokens):
    shorter = cut(text, tokens)
    assert estimate_tokens(shorter) <= tokens
    assert shorter == text or text.startswith(shorter.removesuffix("…"))


@given(st.text(max_size=400), st.integers(0, 150))
def test_a_text_that_fits_is_not_cut(text, tokens):
    assert (cut(text, tokens) == text) or estimate_tokens(text) > tokens


@given(entries, budgets)
def test_what_is_parted_is_the_fresh_turns_and_nothing_is_in_both_halves(conversation, tokens):
    fresh = [turn for turn in turns(conversation) if NOW - turn[-1].at < AGE_SECONDS]
    dropped, left = parted(conversation, tokens=tokens, age_seconds=AGE_SECONDS, now=NOW)
    assert left == kept(conversation, tokens)
    whole = [entry for turn in fresh for entry in turn]
    if sum(entry.tokens for entry in (fresh or [()])[-1]) <= tokens:
        assert [*dropped, *left] == whole
    else:  # the newest turn was shortened
        assert [*dropped, *(fresh[-1] if fresh else ())] == whole


A, B, C, D = (user(name, at) for at, name in enumerate("abcd"))


@pytest.mark.parametrize(
    ("entries", "done", "left"),
    [
        ([A, B, C], [A, B], (C,)),
        ([A, B], [A, B], ()),
        ([B, C, D], [A, B], (C, D)),
        ([C, D], [A, B], None),
        ([], [A, B], None),
        ([A, B], [], None),
        ([A, C], [A, B], None),
    ],
)
def test_what_was_done_is_taken_off_the_front_even_when_the_oldest_of_it_is_gone(entries, done, left):
    assert remaining(entries, done) == left
