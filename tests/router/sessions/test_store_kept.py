"""The contract of every session store: what waits to be summarised, summaries, languages, lists and exports."""

import pytest

from router.conversation import Message, Role
from router.errors import NotFound
from router.sessions.showing import last_of
from router.sessions.store import SessionStore
from router.sessions.trimming import Summary
from tests.router.sessions.contract import KIM, LEE, QUESTION, draft, question


async def fill(store: SessionStore, turns: range, *, keeps_dropped: bool = True) -> int:
    """Turns of 19 tokens each, of which ten fit; how many tokens wait after the last."""
    waiting = 0
    for number in turns:
        said = (Message(Role.USER, "가" * 10), Message(Role.ASSISTANT, str(number % 10)))
        waiting = await store.append("room-1", KIM, said, keeps_dropped=keeps_dropped)
    return waiting


async def test_what_there_is_no_room_for_waits_to_be_summarised_if_somebody_does_that(store):
    await store.open("room-1", KIM)
    assert await fill(store, range(10)) == 0
    assert await store.dropped("room-1", KIM) == ()
    assert await fill(store, range(10, 12)) == 38
    assert [entry.message.text for entry in await store.dropped("room-1", KIM)] == ["가" * 10, "0", "가" * 10, "1"]
    assert len(await store.history("room-1", KIM)) == 20


async def test_without_anybody_to_summarise_it_is_forgotten_with_all_that_waited(store):
    await store.open("room-1", KIM)
    await fill(store, range(12))
    assert await fill(store, range(1), keeps_dropped=False) == 0
    assert await store.dropped("room-1", KIM) == ()


async def test_what_waits_is_bounded_like_a_history_and_grows_no_older(store, clock):
    await store.open("room-1", KIM)
    assert await fill(store, range(50)) == 190
    assert len(await store.dropped("room-1", KIM)) == 20
    clock.now += 1000
    assert await store.dropped("room-1", KIM) == ()


async def test_a_summary_takes_the_place_of_the_one_before_and_of_what_it_tells(store):
    await store.open("room-1", KIM)
    await fill(store, range(12))
    waiting = await store.dropped("room-1", KIM)
    await fill(store, range(1))  # one more turn has come while the summary was made
    assert await store.put_summary("room-1", KIM, Summary("first", clock_of(waiting)), waiting)
    assert (await store.open("room-1", KIM)).summary == Summary("first", clock_of(waiting))
    left = await store.dropped("room-1", KIM)
    assert [entry.message.text for entry in left] == ["가" * 10, "2"]
    assert await store.put_summary("room-1", KIM, Summary("second", clock_of(left)), left)
    assert (await store.open("room-1", KIM)).summary == Summary("second", clock_of(left))
    assert await store.dropped("room-1", KIM) == ()


async def test_a_summary_of_a_session_that_was_deleted_and_made_again_is_not_kept(store, clock):
    await store.open("room-1", KIM)
    await fill(store, range(12))
    waiting = await store.dropped("room-1", KIM)
    await store.delete("room-1", KIM)
    await store.open("room-1", KIM)
    clock.now += 1
    await fill(store, range(12))
    assert not await store.put_summary("room-1", KIM, Summary("of another", clock_of(waiting)), waiting)
    assert (await store.open("room-1", KIM)).summary is None
    assert len(await store.dropped("room-1", KIM)) == 4


async def test_a_summary_is_forgotten_when_all_that_it_tells_is_over_age(store, clock):
    await store.open("room-1", KIM)
    await fill(store, range(12))
    waiting = await store.dropped("room-1", KIM)
    await store.put_summary("room-1", KIM, Summary("old", clock_of(waiting)), waiting)
    clock.now += 999
    assert (await store.open("room-1", KIM)).summary is not None
    clock.now += 1
    assert (await store.open("room-1", KIM)).summary is None


def clock_of(entries):
    return entries[-1].at


async def test_the_language_of_the_last_turn_is_kept(store):
    assert (await store.open("room-1", KIM)).language is None
    await store.append("room-1", KIM, (QUESTION,), language="ko")
    await store.append("room-1", KIM, (QUESTION,))
    assert (await store.open("room-1", KIM)).language == "ko"
    await store.append("room-1", KIM, (QUESTION,), language="en")
    assert (await store.open("room-1", KIM)).language == "en"


async def test_a_session_over_age_begins_anew_even_before_the_sweep(store, clock):
    await store.open("room-1", KIM)
    await fill(store, range(12))
    waiting = await store.dropped("room-1", KIM)
    await store.put_summary("room-1", KIM, Summary("old", 5999.0), waiting)
    await store.put_pending("room-1", KIM, draft())
    await store.put_question("room-1", KIM, question(9e9))
    clock.now += 1000
    assert await store.listed(KIM, 10) == []
    with pytest.raises(NotFound):
        await store.transcript("room-1", KIM)
    made = await store.open("room-1", KIM)
    found = await store.transcript("room-1", KIM)
    assert made.created_at == clock.now
    assert (found.session.summary, found.draft, found.question, found.history) == (None, None, None, ())


async def test_a_transcript_has_everything(store):
    await store.open("room-1", KIM)
    await fill(store, range(11))
    await store.append("room-1", KIM, (), language="ko", keeps_dropped=True)
    waiting = await store.dropped("room-1", KIM)
    await store.put_summary("room-1", KIM, Summary("요약", clock_of(waiting)), waiting)
    await fill(store, range(1))
    await store.put_pending("room-1", KIM, draft())
    await store.put_question("room-1", KIM, question())
    found = await store.transcript("room-1", KIM)
    assert (found.session.id, found.session.owner, found.session.language) == ("room-1", KIM, "ko")
    assert found.session.summary == Summary("요약", 5000.0)
    assert (len(found.history), len(found.dropped)) == (20, 2)
    assert (found.draft, found.question) == (draft(), question())


async def test_the_list_may_be_of_those_in_which_a_draft_waits(store):
    for name in ("a", "b", "c"):
        await store.open(name, KIM)
    await store.put_pending("a", KIM, draft())
    await store.put_pending("c", KIM, draft())
    assert await store.listed(LEE, 10, drafted=True) == []
    assert [one.session.id for one in await store.listed(KIM, 10, drafted=True)] == ["a", "c"]
    (first,) = await store.listed(KIM, 1, drafted=True)
    assert [one.session.id for one in await store.listed(KIM, 1, last_of([first]), drafted=True)] == ["c"]
    await store.clear_pending("a", KIM)
    assert [one.session.id for one in await store.listed(KIM, 10, drafted=True)] == ["c"]


async def test_the_list_has_an_owners_sessions_last_used_first_page_by_page(store, clock):
    for name in ("a", "b"):
        await store.open(name, KIM)
    clock.now += 1
    await store.open("of-lee", LEE)

    async def pages(owner: str | None, most: int) -> list[list[str]]:
        found, after = [], None
        while page := await store.listed(owner, most, after):
            found.append([one.session.id for one in page])
            after = last_of(page)
        return found

    assert await pages(KIM, 10) == [["a", "b"]]
    assert await pages(KIM, 1) == [["a"], ["b"]]
    assert await pages(LEE, 10) == [["of-lee"]]
    assert await pages(None, 2) == [["of-lee", "a"], ["b"]]
    clock.now += 1
    await store.append("b", KIM, (QUESTION,))
    assert await pages(None, 1) == [["b"], ["of-lee"], ["a"]]
