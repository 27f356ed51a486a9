"""The contract of every session store: the same sentences hold in memory and on disk."""

import asyncio
from collections.abc import Callable

import pytest

from router.conversation import Message, Role
from router.errors import BadRequest, NotFound
from router.sessions.store import SessionStore, checked_id
from router.sessions.trimming import Summary
from router.tools.spec import PendingDraft
from tests.router.sessions.contract import ANSWER, KIM, LEE, QUESTION, draft, question


async def test_a_session_without_an_id_gets_one_that_cannot_be_guessed(store):
    first, second = await store.open(None, KIM), await store.open(None, KIM)
    assert first.id != second.id
    assert len(first.id) >= 22


async def test_an_id_given_by_the_client_is_made_for_it_and_found_again(store, clock):
    made = await store.open("room-1", KIM)
    clock.now += 10
    found = await store.open("room-1", KIM)
    assert (made.id, made.owner, made.created_at, made.used_at) == ("room-1", KIM, 5000.0, 5000.0)
    assert (found.created_at, found.used_at) == (5000.0, 5010.0)


@pytest.mark.parametrize("good", ["a", "!" * 128, "room:1/user~2"])
def test_any_visible_ascii_up_to_128_characters_is_an_id(good):
    assert checked_id(good) == good


@pytest.mark.parametrize("bad", ["", " ", "a b", "x" * 129, "세션", "a\n", "a\x00", "\x7f", "\ud800"])
async def test_any_other_id_is_refused_and_named_as_the_parameter_to_blame(store, bad):
    with pytest.raises(BadRequest, match="1 to 128 visible ASCII characters") as caught:
        await store.open(bad, KIM)
    assert caught.value.param == "session"


async def test_a_new_session_has_no_history_and_no_draft(store):
    session = await store.open(None, KIM)
    assert await store.history(session.id, KIM) == ()
    assert await store.pending(session.id, KIM) is None


async def test_what_was_said_comes_back_in_order(store):
    session = await store.open(None, KIM)
    await store.append(session.id, KIM, (QUESTION, ANSWER))
    await store.append(session.id, KIM, [Message(Role.USER, "고마워")])
    assert await store.history(session.id, KIM) == (QUESTION, ANSWER, Message(Role.USER, "고마워"))


async def test_the_same_id_of_another_owner_is_another_session(store):
    await store.open("room-1", KIM)
    await store.append("room-1", KIM, (QUESTION,))
    await store.open("room-1", LEE)
    await store.append("room-1", LEE, (ANSWER,))
    assert await store.history("room-1", KIM) == (QUESTION,)
    await store.delete("room-1", LEE)
    assert await store.history("room-1", KIM) == (QUESTION,)


EVERY_METHOD: list[Callable[[SessionStore, str, str], object]] = [
    lambda store, name, owner: store.history(name, owner),
    lambda store, name, owner: store.append(name, owner, (QUESTION,)),
    lambda store, name, owner: store.pending(name, owner),
    lambda store, name, owner: store.put_pending(name, owner, draft()),
    lambda store, name, owner: store.question(name, owner),
    lambda store, name, owner: store.put_question(name, owner, question()),
    lambda store, name, owner: store.clear_question(name, owner),
    lambda store, name, owner: store.clear_pending(name, owner),
    lambda store, name, owner: store.dropped(name, owner),
    lambda store, name, owner: store.put_summary(name, owner, Summary("", 0.0), ()),
    lambda store, name, owner: store.transcript(name, owner),
    lambda store, name, owner: store.delete(name, owner),
]


@pytest.mark.parametrize("method", EVERY_METHOD)
async def test_the_session_of_another_owner_is_not_found_exactly_like_one_that_never_was(store, method):
    await store.open("room-1", KIM)
    with pytest.raises(NotFound) as others:
        await method(store, "room-1", LEE)
    with pytest.raises(NotFound) as nobodys:
        await method(store, "room-2", LEE)
    assert (others.value.message, others.value.code) == (nobodys.value.message, nobodys.value.code)


async def test_a_draft_waits_until_it_is_cleared(store):
    await store.open("room-1", KIM)
    await store.put_pending("room-1", KIM, draft())
    assert await store.pending("room-1", KIM) == draft()
    await store.clear_pending("room-1", KIM)
    assert await store.pending("room-1", KIM) is None
    await store.clear_pending("room-1", KIM)


async def test_a_draft_takes_the_place_of_the_one_before(store):
    await store.open("room-1", KIM)
    await store.put_pending("room-1", KIM, draft())
    await store.put_pending("room-1", KIM, draft(7000.0))
    assert await store.pending("room-1", KIM) == draft(7000.0)


async def test_a_draft_that_has_expired_is_still_told_so_that_a_late_yes_is_understood(store, clock):
    await store.open("room-1", KIM)
    await store.put_pending("room-1", KIM, draft(expires_at=6000.0))
    clock.now = 6000.0
    assert await store.pending("room-1", KIM) == draft(expires_at=6000.0)


async def test_a_draft_is_kept_as_it_was_put_whatever_becomes_of_the_object(store):
    await store.open("room-1", KIM)
    params = {"title": "회의"}
    await store.put_pending("room-1", KIM, PendingDraft("calendar", "create_draft", params, "", 9000.0))
    params["title"] = "회식"
    waiting = await store.pending("room-1", KIM)
    assert waiting is not None
    assert waiting.params == {"title": "회의"}


async def test_a_question_waits_in_the_place_of_the_one_before_until_it_is_cleared(store):
    await store.open("room-1", KIM)
    assert await store.question("room-1", KIM) is None
    for asked in (question(), question(7000.0)):
        await store.put_question("room-1", KIM, asked)
        assert await store.question("room-1", KIM) == asked
    await store.clear_question("room-1", KIM)
    assert await store.question("room-1", KIM) is None


@pytest.mark.parametrize(("now", "waits"), [(5999.9, True), (6000.0, False)])
async def test_a_question_that_has_expired_waits_no_more(store, clock, now, waits):
    await store.open("room-1", KIM)
    await store.put_question("room-1", KIM, question(6000.0))
    clock.now = now
    assert (await store.question("room-1", KIM) is not None) is waits


async def test_question_and_draft_know_nothing_of_each_other_nor_of_other_owners(store):
    await store.open("room-1", KIM)
    await store.open("room-1", LEE)
    await store.put_question("room-1", KIM, question())
    await store.put_pending("room-1", KIM, draft())
    await store.clear_pending("room-1", KIM)
    assert await store.question("room-1", KIM) == question()
    assert await store.question("room-1", LEE) is None


async def test_appending_leaves_the_draft_alone(store):
    await store.open("room-1", KIM)
    await store.put_pending("room-1", KIM, draft())
    await store.append("room-1", KIM, (QUESTION, ANSWER))
    assert await store.pending("room-1", KIM) == draft()


async def test_a_deleted_session_is_gone_with_everything_in_it(store):
    await store.open("room-1", KIM)
    await store.append("room-1", KIM, (QUESTION,))
    await store.put_pending("room-1", KIM, draft())
    await store.delete("room-1", KIM)
    with pytest.raises(NotFound):
        await store.history("room-1", KIM)
    await store.open("room-1", KIM)
    assert await store.history("room-1", KIM) == ()
    assert await store.pending("room-1", KIM) is None


async def test_messages_appended_at_once_by_many_are_all_there_and_together(store):
    await store.open("room-1", KIM)
    turns = [(Message(Role.USER, str(number)), Message(Role.ASSISTANT, str(number))) for number in range(12)]
    await asyncio.gather(*(store.append("room-1", KIM, turn) for turn in turns))
    history = await store.history("room-1", KIM)
    assert sorted(message.text for message in history[::2]) == sorted(str(number) for number in range(12))
    assert [message.text for message in history[::2]] == [message.text for message in history[1::2]]


async def test_an_append_that_is_cancelled_leaves_the_store_in_order(store):
    await store.open("room-1", KIM)
    for steps in range(8):
        appending = asyncio.create_task(store.append("room-1", KIM, (QUESTION,)))
        for _ in range(steps):
            await asyncio.sleep(0)
        appending.cancel()
        await asyncio.wait([appending])
    before = await store.history("room-1", KIM)
    await store.append("room-1", KIM, (ANSWER,))
    assert await store.history("room-1", KIM) == (*before, ANSWER)


async def test_a_history_never_grows_past_its_bound_in_tokens(store):
    await store.open("room-1", KIM)
    for number in range(40):
        await store.append("room-1", KIM, (Message(Role.USER, "가" * 10), Message(Role.ASSISTANT, str(number))))
    history = await store.history("room-1", KIM)
    # 14 tokens for the user's message and 5 for the answer: ten turns fit into 200.
    assert [message.text for message in history[1::2]] == [str(number) for number in range(30, 40)]


async def test_what_is_over_age_is_forgotten(store, clock):
    await store.open("room-1", KIM)
    await store.append("room-1", KIM, (QUESTION, ANSWER))
    clock.now += 600
    await store.append("room-1", KIM, (Message(Role.USER, "later"),))
    clock.now += 400
    assert await store.history("room-1", KIM) == (Message(Role.USER, "later"),)


async def test_the_sweep_forgets_sessions_that_were_not_used_for_so_long(store, clock):
    await store.open("old", KIM)
    await store.open("used", KIM)
    clock.now += 1
    await store.append("used", KIM, (QUESTION,))
    assert await store.sweep(5999.9) == 0
    assert await store.sweep(6000.0) == 1
    with pytest.raises(NotFound):
        await store.history("old", KIM)
    assert await store.history("used", KIM) == (QUESTION,)


async def test_over_number_the_least_recently_used_session_goes(store, clock):
    for name in ("a", "b", "c"):
        await store.open(name, KIM)
        clock.now += 1
    await store.open("a", KIM)
    clock.now += 1
    await store.open("d", LEE)
    with pytest.raises(NotFound):
        await store.history("b", KIM)
    for name, owner in (("a", KIM), ("c", KIM), ("d", LEE)):
        assert await store.history(name, owner) == ()


async def test_the_session_just_opened_stays_even_when_the_clock_stands_still(store):
    for number in range(20):
        session = await store.open(f"room-{number % 7}", KIM)
        assert await store.history(session.id, KIM) == ()


async def test_closing_twice_is_no_error(store):
    await store.close()
    await store.close()
