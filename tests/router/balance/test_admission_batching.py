"""The waiting line before servers that batch: held when they say that they are full, shed when waits are long."""

import pytest

from router.balance.admission import Answer, Rejection, Terms, Ticket
from router.balance.demand import Priority
from sidecar import FirstTokenCame
from tests.router.balance.lines import Site

RUN = 8
"""As many as the server works on at once."""


def busy(*, told: bool = True) -> tuple[Site, list[Ticket]]:
    """A server without known slots that works on some requests, with others waiting at its door."""
    site = Site({"a": None})
    site.practised("a", seconds=4.0)
    there = [site.ticket() for _ in range(RUN + 3)]
    assert {site.comes(ticket).answer for ticket in there} == {Answer.ADMITTED}
    if told:
        for _ in range(3):
            site.now += 2.0
            site.says("a", RUN, 3)
    return site, there


def test_a_server_that_says_for_a_while_that_requests_wait_gets_no_more() -> None:
    site, there = busy()
    late = [site.ticket() for _ in range(5)]
    assert {site.comes(ticket).answer for ticket in late} == {Answer.QUEUED}
    assert site.settle() == []
    # One is always at its door, and one beyond an eighth more than fit.
    for ticket in there[:2]:
        site.ends(ticket)
    assert site.in_flight("a") == RUN + 1
    assert site.settle() == [late[0]]
    site.ends(there[2])
    assert site.settle() == [late[1]]


def test_what_it_says_once_holds_nobody_back() -> None:
    site, _ = busy(told=False)
    site.says("a", RUN, 3)
    assert site.comes(site.ticket()).answer is Answer.ADMITTED


def test_a_server_that_has_fallen_silent_holds_nobody_back() -> None:
    site, _ = busy()
    site.now += 60.0
    assert site.comes(site.ticket()).answer is Answer.ADMITTED


def test_the_better_class_goes_first() -> None:
    site, there = busy()
    batch, interactive = site.ticket(priority=Priority.BATCH), site.ticket(priority=Priority.INTERACTIVE)
    for ticket in (batch, interactive):
        assert site.comes(ticket).answer is Answer.QUEUED
    for ticket in there[:2]:
        site.ends(ticket)
    assert site.settle() == [interactive]


def test_more_are_let_through_step_by_step_once_nobody_waits_any_more() -> None:
    site, there = busy()
    for ticket in there[RUN:]:
        site.ends(ticket)
    assert [site.comes(site.ticket()).answer for _ in range(3)] == [Answer.ADMITTED, Answer.ADMITTED, Answer.QUEUED]
    site.now += 2.0
    site.says("a", RUN + 2, 0)
    assert site.settle() != []
    for _ in range(10):
        site.now += 2.0
        site.says("a", site.in_flight("a"), 0)
        site.comes(site.ticket())
        site.settle()
    assert len(site.line) == 0


def turned_over(seconds: float) -> Site:
    """A full server that has done with a request each so many seconds; each time another one takes the place."""
    site, there = busy()
    for ticket in there[:2]:
        site.ends(ticket)
    for _ in range(30):
        site.comes(site.ticket())
    for _ in range(20):
        site.now += seconds
        site.says("a", RUN, 1)
        site.ends(next(iter(site.running)), streamed=True)
        assert len(site.settle()) == 1
    for ticket in tuple(site.line):
        site.line.remove(ticket)
    return site


def test_who_would_wait_too_long_before_a_full_server_is_told_at_once() -> None:
    site = turned_over(1.0)
    terms = Terms(most_wait_seconds=8.0)
    answers = [site.comes(site.ticket(terms=terms)) for _ in range(40)]
    assert answers[0].answer is Answer.QUEUED
    assert (answers[-1].answer, answers[-1].rejection) == (Answer.SHED, Rejection.WAIT_TOO_LONG)
    assert answers[-1].expected_seconds > 8.0
    assert 6 <= sum(one.answer is Answer.QUEUED for one in answers) <= 8


def test_a_quick_server_lets_more_of_them_wait() -> None:
    site = turned_over(0.1)
    assert {site.comes(site.ticket(terms=Terms(most_wait_seconds=8.0))).answer for _ in range(40)} == {Answer.QUEUED}


def test_before_it_was_seen_how_often_it_has_done_with_one_nobody_is_turned_away() -> None:
    site, _ = busy()
    assert site.comes(site.ticket(terms=Terms(most_wait_seconds=0.1))).answer is Answer.QUEUED


# Prompts that stand before.

LONG = 40_000
"""Tokens of a prompt, some twelve seconds of them."""


def reading_prompts(seconds: float, shown: int = 8) -> Site:
    """A server with prompts for some minutes before it, of whose last first tokens each took so long."""
    site = Site({"a": None})
    site.practised("a")
    for _ in range(8 + shown):
        site.comes(site.ticket(prompt_tokens=LONG))
    tickets = list(site.running)
    for ticket in tickets[:shown]:
        site.now += seconds
        name, request = site.running[ticket]
        site.store.apply(FirstTokenCame(site.now, name, request))
    for _ in range(20):
        site.comes(site.ticket(prompt_tokens=LONG, terms=Terms(most_wait_seconds=1e9)))
    return site


def test_where_prompts_before_it_take_longer_than_it_may_wait_it_is_told_at_once() -> None:
    site = reading_prompts(12.0)
    admission = site.comes(site.ticket())
    assert (admission.answer, admission.rejection) == (Answer.SHED, Rejection.WAIT_TOO_LONG)
    assert admission.expected_seconds > 60.0
    assert site.comes(site.ticket(terms=Terms(most_wait_seconds=admission.expected_seconds + 1))).answer is (
        Answer.ADMITTED
    )


# None seen; so soon that nobody can say; late, but in a third of what was predicted.
@pytest.mark.parametrize(("seconds", "shown"), [(12.0, 0), (0.01, 8), (4.0, 8)])
def test_nobody_is_turned_away_by_prompts_whose_wait_nobody_has_seen(seconds: float, shown: int) -> None:
    site = reading_prompts(seconds, shown)
    assert site.comes(site.ticket()).answer is Answer.ADMITTED


def test_first_tokens_that_come_soon_as_predicted_do_not_say_how_long_many_prompts_take() -> None:
    site = Site({"a": None})
    site.practised("a")
    for _ in range(20):
        ticket = site.ticket()
        site.comes(ticket)
        site.now += 0.05
        site.ends(ticket, streamed=True)
    for _ in range(20):
        site.comes(site.ticket(prompt_tokens=LONG, terms=Terms(most_wait_seconds=1e9)))
    assert site.comes(site.ticket()).answer is Answer.ADMITTED


def test_what_was_seen_long_ago_turns_nobody_away() -> None:
    site = reading_prompts(12.0)
    site.now += 31.0
    assert site.comes(site.ticket()).answer is Answer.ADMITTED


def test_its_own_prompt_is_no_wait() -> None:
    site = Site({"a": None})
    site.practised("a")
    assert site.comes(site.ticket(prompt_tokens=10_000_000, terms=Terms(most_wait_seconds=0.1))).answer is (
        Answer.ADMITTED
    )
