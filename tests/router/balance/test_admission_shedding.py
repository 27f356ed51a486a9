"""The waiting line, where it ends: who is told to come back, when, and that nobody waits for nobody."""

import pytest

from router.balance.admission import MOST_PLANNED, Answer, Rejection, Terms
from router.balance.demand import Priority
from router.balance.pools import Candidate
from sidecar import BackendAdded, BackendSpec, Outcome
from sidecar.facts import ProbeOutcome
from tests.router.balance.lines import MODEL, Site, full

SHORT = Terms(most=5, most_wait_seconds=1e9)


def test_a_full_line_sheds() -> None:
    site = full()
    for _ in range(5):
        assert site.comes(site.ticket(terms=SHORT)).answer is Answer.QUEUED
    admission = site.comes(site.ticket(terms=SHORT))
    assert (admission.answer, admission.rejection) == (Answer.SHED, Rejection.QUEUE_FULL)
    assert admission.expected_seconds > max(ticket.expected_wait(site.now) for ticket in site.line)
    assert len(site.line) == 5
    assert site.comes(site.ticket(terms=SHORT, role="other")).answer is Answer.QUEUED


def test_a_full_line_makes_room_for_a_better_class_and_the_last_of_the_worst_goes() -> None:
    site = full()
    batch = [site.ticket(priority=Priority.BATCH, terms=SHORT) for _ in range(5)]
    for ticket in batch:
        site.comes(ticket)
    bystander = site.ticket(priority=Priority.BATCH, role="other")
    site.comes(bystander)
    admission = site.comes(site.ticket(terms=SHORT))
    assert (admission.answer, admission.displaced) == (Answer.QUEUED, batch[-1])
    assert batch[-1] not in site.line
    assert bystander in site.line
    assert len(site.line) == 6
    assert site.comes(site.ticket(priority=Priority.BATCH, terms=SHORT)).answer is Answer.SHED


def test_a_line_of_none_lets_nobody_wait() -> None:
    site = full()
    assert site.comes(site.ticket(terms=Terms(most=0))).answer is Answer.SHED


def test_who_would_wait_too_long_is_told_at_once() -> None:
    site = Site({"a": 1})
    site.practised("a", seconds=1.0)
    answers = [site.comes(site.ticket(terms=Terms(most_wait_seconds=25.0))) for _ in range(30)]
    assert [one.answer for one in answers[:2]] == [Answer.ADMITTED, Answer.QUEUED]
    assert (answers[-1].answer, answers[-1].rejection) == (Answer.SHED, Rejection.WAIT_TOO_LONG)
    assert answers[-1].expected_seconds > 25.0
    assert max(one.expected_seconds for one in answers if one.answer is Answer.QUEUED) <= 25.0


def test_a_guess_turns_nobody_away() -> None:
    site = full()
    for _ in range(50):
        assert site.comes(site.ticket(terms=Terms(most_wait_seconds=1.0))).answer is Answer.QUEUED


def test_those_further_behind_wait_longer_and_the_wait_runs_down() -> None:
    site = Site({"a": 2})
    site.practised("a", seconds=10.0)
    for _ in range(2):
        site.comes(site.ticket())
    tickets = [site.ticket() for _ in range(4)]
    waits = [site.comes(ticket).expected_seconds for ticket in tickets]
    assert waits == sorted(waits)
    assert 0 < waits[0] < waits[-1]
    site.now += 1.0
    assert tickets[-1].expected_wait(site.now) == pytest.approx(waits[-1] - 1.0)
    site.now += 1000.0
    assert tickets[-1].expected_wait(site.now) == 0.0


# Nobody there, or only later


def test_nobody_waits_for_nobody() -> None:
    site = full()
    waiting = site.ticket()
    site.comes(waiting)
    site.probed("a", ProbeOutcome.REFUSED)
    assert site.comes(site.ticket()).answer is Answer.NOBODY
    assert [(ticket, choice.winner) for ticket, choice in site.line.ready(site.snapshot(), lambda: 0.5)] == [
        (waiting, None)
    ]


def test_however_many_wait_all_are_told_that_nobody_is_left() -> None:
    site = full()
    for _ in range(MOST_PLANNED * 2):
        site.comes(site.ticket())
    site.probed("a", ProbeOutcome.REFUSED)
    assert len([*site.line.ready(site.snapshot(), lambda: 0.5)]) == MOST_PLANNED * 2


def test_where_all_rest_the_wait_is_until_the_first_may_be_asked() -> None:
    site = Site({"a": None})
    first = site.ticket()
    site.comes(first)
    site.ends(first, Outcome.REJECTED, retry_after_seconds=9.0)
    many = [site.ticket() for _ in range(MOST_PLANNED * 2)]
    for ticket in many:
        admission = site.comes(ticket)
        assert (admission.answer, admission.expected_seconds) == (Answer.QUEUED, 9.0)
    assert site.settle() == []
    site.now += 8.9
    assert site.settle() == []
    site.now += 0.1
    assert site.settle() == many


def test_where_all_rest_for_too_long_it_is_said_until_when() -> None:
    site = Site({"a": None})
    first = site.ticket()
    site.comes(first)
    site.ends(first, Outcome.REJECTED, retry_after_seconds=45.0)
    admission = site.comes(site.ticket(terms=Terms(most_wait_seconds=44.0)))
    assert (admission.answer, admission.rejection) == (Answer.SHED, Rejection.WAIT_TOO_LONG)
    assert admission.expected_seconds == 45.0


def test_a_backend_that_joins_takes_those_who_wait_once_they_know_of_it() -> None:
    site = full()
    waiting = site.ticket()
    site.comes(waiting)
    site.store.apply(BackendAdded(site.now, BackendSpec("b", "http://b:1", slots=1)))
    site.probed("b", ProbeOutcome.OK)
    assert site.settle() == []
    waiting.pool = (*waiting.pool, Candidate("b", MODEL))
    assert site.settle() == [waiting]
