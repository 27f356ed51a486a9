import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.facts import Outcome, ProbeOutcome
from sidecar.health import EVIDENCE_OF_PROBE, EVIDENCE_OF_REQUEST, Evidence, Health, Verdict

UP = Health(Verdict.UP)
DOWN = Health(Verdict.DOWN, 3)
LOADING = Health(Verdict.UP, loading=True)
SLEEPING = Health(Verdict.UP, sleeping=True)
SUSPENDED = Health(Verdict.UP, suspended=True)


def test_every_way_a_probe_can_end_says_something() -> None:
    assert EVIDENCE_OF_PROBE.keys() == set(ProbeOutcome)
    assert Evidence.SILENT not in EVIDENCE_OF_PROBE.values()


def test_every_way_a_request_can_end_has_its_meaning() -> None:
    assert EVIDENCE_OF_REQUEST.keys() == set(Outcome)


@pytest.mark.parametrize("outcome", [Outcome.CALLER_ERROR, Outcome.CLIENT_GONE, Outcome.REJECTED])
def test_a_wrong_request_a_client_that_left_and_a_full_server_say_nothing(outcome: Outcome) -> None:
    assert EVIDENCE_OF_REQUEST[outcome] is Evidence.SILENT


def test_nothing_is_known_before_the_first_probe() -> None:
    assert Health().verdict is Verdict.UNKNOWN
    assert not Health().available


@pytest.mark.parametrize("before", [Health(), UP, DOWN, LOADING, SLEEPING, SUSPENDED, Health(Verdict.UP, 2)])
def test_one_success_brings_a_backend_up(before: Health) -> None:
    assert before.after(Evidence.ALIVE, 3) == UP


@pytest.mark.parametrize("before", [Health(), UP, DOWN, LOADING, SLEEPING, SUSPENDED])
def test_a_refused_connection_marks_the_backend_down_at_once(before: Health) -> None:
    assert before.after(Evidence.DEAD, 3) == Health(Verdict.DOWN, before.failures + 1)


@pytest.mark.parametrize("before", [Health(), UP, DOWN])
def test_a_loading_backend_is_up_but_not_available(before: Health) -> None:
    assert before.after(Evidence.LOADING, 3) == LOADING
    assert not LOADING.available
    assert UP.available


@pytest.mark.parametrize("before", [Health(), UP, DOWN, LOADING, SUSPENDED])
def test_a_sleeping_backend_is_available_since_the_next_request_wakes_it(before: Health) -> None:
    assert before.after(Evidence.SLEEPING, 3) == SLEEPING
    assert SLEEPING.available


@pytest.mark.parametrize("before", [Health(), UP, DOWN, LOADING, SLEEPING])
def test_a_suspended_backend_is_up_but_no_request_would_wake_it(before: Health) -> None:
    assert before.after(Evidence.SUSPENDED, 3) == SUSPENDED
    assert not SUSPENDED.available


def test_other_failures_take_a_backend_down_only_in_a_row() -> None:
    once = UP.after(Evidence.FAILURE, 3)
    twice = once.after(Evidence.FAILURE, 3)
    assert (once.verdict, twice.verdict) == (Verdict.UP, Verdict.UP)
    assert twice.after(Evidence.FAILURE, 3).verdict is Verdict.DOWN
    again = twice.after(Evidence.ALIVE, 3).after(Evidence.FAILURE, 3)
    assert again == Health(Verdict.UP, 1)


def test_a_slow_answer_does_not_end_the_loading_but_the_fall_does() -> None:
    assert LOADING.after(Evidence.FAILURE, 2) == Health(Verdict.UP, 1, loading=True)
    assert LOADING.after(Evidence.FAILURE, 1) == Health(Verdict.DOWN, 1)
    assert SUSPENDED.after(Evidence.FAILURE, 2) == Health(Verdict.UP, 1, suspended=True)
    assert SLEEPING.after(Evidence.FAILURE, 1) == Health(Verdict.DOWN, 1)


def test_an_unknown_backend_that_fails_stays_unknown_until_it_failed_often_enough() -> None:
    assert Health().after(Evidence.FAILURE, 2).verdict is Verdict.UNKNOWN
    assert Health().after(Evidence.FAILURE, 1).verdict is Verdict.DOWN


def test_a_refusal_counts_among_the_failures() -> None:
    refused = UP.after(Evidence.DEAD, 3)
    assert refused.after(Evidence.FAILURE, 3).verdict is Verdict.DOWN


def test_silence_changes_nothing() -> None:
    assert UP.after(Evidence.SILENT, 1) is UP


@given(st.lists(st.sampled_from(Evidence)), st.integers(min_value=1, max_value=5))
def test_whatever_came_before_one_success_ends_it_and_only_failures_take_down(
    evidence: list[Evidence], most: int
) -> None:
    health = Health()
    for one in evidence:
        before, health = health, health.after(one, most)
        if health.verdict is Verdict.DOWN and before.verdict is not Verdict.DOWN:
            assert one is Evidence.DEAD or (one is Evidence.FAILURE and health.failures >= most)
    assert health.after(Evidence.ALIVE, most) == UP
