"""Who may be asked next, after what has happened."""

import pytest

from router.attempt import AttemptFailed, CallerRefused
from router.balance.demand import Demand, Priority
from router.balance.policies import PolicyName
from router.balance.pools import Candidate
from router.call import Call
from router.errand import MOST_REJECTIONS, Errand
from router.errors import BackendFailed
from sidecar import Outcome
from tests.router.relaying import deadlines

A, B = Candidate("a", "m"), Candidate("b", "m")
MISSING = CallerRefused(404, "text/plain", b"", elsewhere=True)
WRONG = CallerRefused(400, "text/plain", b"")
Told = AttemptFailed | CallerRefused


def failure(outcome: Outcome = Outcome.BACKEND_ERROR, *, begun: bool = False) -> AttemptFailed:
    """An attempt that ended badly."""
    return AttemptFailed(outcome, BackendFailed(f"it ended with {outcome}"), begun=begun)


FAILED, BEGUN, FULL = failure(), failure(Outcome.TRUNCATED, begun=True), failure(Outcome.REJECTED)
GONE = failure(Outcome.REFUSED)


def errand(*endings: Told, attempts: int = 2, policy: PolicyName = PolicyName.PREDICTED) -> Errand:
    """A call that came at 100.0, has 10 s, and has been asked of `a`, `b`, `a` … so far."""
    call = Call("r", (A, B), "/", {}, deadlines(total=10), Demand("r"), policy, attempts=attempts)
    found = Errand(call, 100.0, number=7)
    for number, ending in enumerate(endings):
        candidate = (A, B)[number % 2]
        found.tried.append(candidate)
        found.failed(candidate, ending)
    return found


@pytest.mark.parametrize(
    ("endings", "goes_on", "told", "tried"),
    [
        ((), True, None, []),
        ((FAILED,), True, FAILED, [A]),
        ((FAILED, FAILED), False, FAILED, [A, B]),
        ((GONE, GONE), True, GONE, [A, B]),
        ((GONE, FAILED), True, FAILED, [A, B]),
        ((BEGUN,), False, BEGUN, [A]),
        ((FULL,), True, FULL, []),
        ((FULL, FULL, FULL), True, FULL, []),
        ((FULL,) * MOST_REJECTIONS, False, FULL, []),
        ((MISSING,), True, MISSING, [A]),
        ((MISSING, MISSING), True, MISSING, [A, B]),
        ((MISSING, FAILED), True, FAILED, [A, B]),
        ((FAILED, MISSING), True, FAILED, [A, B]),
        ((WRONG,), False, WRONG, [A]),
        ((FAILED, WRONG), False, WRONG, [A, B]),
        ((BEGUN, FAILED), False, BEGUN, [A, B]),
    ],
)
def test_what_follows_from_how_those_ended_that_were_asked(
    endings: tuple[Told, ...], goes_on: bool, told: Told | None, tried: list[Candidate]
) -> None:
    found = errand(*endings)
    assert found.goes_on(105.0) is goes_on
    assert found.failure is told
    assert found.tried == tried


@pytest.mark.parametrize("ending", [FAILED, FULL, MISSING])
def test_nobody_is_asked_when_the_time_for_the_whole_answer_is_over(ending: Told) -> None:
    found = errand(ending)
    assert found.due_at == 110.0
    assert (found.goes_on(109.9), found.goes_on(110.0)) == (True, False)


@pytest.mark.parametrize(
    ("endings", "failed_on"), [((FULL, MISSING), None), ((FULL, FAILED), B), ((FAILED, FULL), A), ((GONE,), A)]
)
def test_only_after_a_failure_another_attempt_is_a_retry(
    endings: tuple[Told, ...], failed_on: Candidate | None
) -> None:
    assert errand(*endings).failed_on == failed_on


def test_a_ticket_keeps_the_moment_of_the_call_and_waits_for_what_is_left_of_its_wait() -> None:
    found = errand(FAILED)
    assert (found.ticket().since, found.ticket().tried) == (100.0, (A,))
    assert found.ticket().terms == found.call.terms
    found.waited_seconds = 15.0
    assert found.ticket().terms.left_seconds == found.call.terms.most_wait_seconds - 15.0
    found.waited_seconds = 1e6
    assert found.ticket().terms.left_seconds == 0.0


def test_a_ticket_for_a_second_place_stands_behind_everybody_who_has_none() -> None:
    beside = errand().ticket_beside(103.0)
    assert (beside.demand.priority, beside.since, beside.terms.most) == (Priority.BATCH, 103.0, 0)


def test_in_turn_means_that_every_call_has_a_number() -> None:
    assert errand(policy=PolicyName.ROUND_ROBIN).ticket().demand.number == 7
    assert errand().ticket().demand.number == 0
