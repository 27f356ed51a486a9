"""Who is left alone, for how long, and how it comes back."""

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sidecar.breaker import (
    FULL_SECONDS,
    LONGEST_OPEN_SECONDS,
    LONGEST_REST_SECONDS,
    MEANING_OF,
    SLOW_START_SECONDS,
    Breaker,
    Circuit,
    Meaning,
)
from sidecar.facts import Outcome

NEW = Breaker()
FAILURES = [outcome for outcome, meaning in MEANING_OF.items() if meaning is Meaning.FAILURE]
NO_WORD = [outcome for outcome, meaning in MEANING_OF.items() if meaning is Meaning.NOTHING]
moments = st.floats(0, 1e4)


def opened(at: float, openings: int = 1) -> Breaker:
    """A circuit that opened then, for so many times in a row."""
    return Breaker(openings, opened_at=at)


def failed(breaker: Breaker, at: float, started_at: float | None = None) -> Breaker:
    """Once a request has failed, which had started just before unless told otherwise."""
    return breaker.after_end("r", Outcome.BACKEND_ERROR, at - 0.001 if started_at is None else started_at, at)


def test_every_outcome_has_a_meaning() -> None:
    assert {outcome: str(meaning) for outcome, meaning in MEANING_OF.items()} == {
        Outcome.OK: "success",
        Outcome.BACKEND_ERROR: "failure",
        Outcome.REFUSED: "failure",
        Outcome.TRUNCATED: "failure",
        Outcome.TIMEOUT: "failure",
        Outcome.SILENT: "failure",
        Outcome.REJECTED: "full",
        Outcome.OVERLONG: "nothing",
        Outcome.CALLER_ERROR: "nothing",
        Outcome.CLIENT_GONE: "nothing",
    }
    assert set(MEANING_OF) == set(Outcome)


@pytest.mark.parametrize("outcome", FAILURES)
def test_one_failure_opens_the_circuit(outcome: Outcome) -> None:
    after = NEW.after_end("r", outcome, 9.0, 10.0)
    assert (after.circuit(10.0), after.allows(10.0)) == (Circuit.OPEN, False)


@pytest.mark.parametrize("outcome", [*NO_WORD, Outcome.OK, Outcome.REJECTED])
def test_what_is_no_failure_opens_nothing(outcome: Outcome) -> None:
    assert NEW.after_end("r", outcome, 9.0, 10.0).circuit(10.0) is Circuit.CLOSED


@pytest.mark.parametrize(
    ("openings", "seconds"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 16.0), (6, 30.0), (7, 30.0), (10_000, 30.0)]
)
def test_how_long_a_circuit_stays_open(openings: int, seconds: float) -> None:
    breaker = opened(100.0, openings)
    just_before = 100.0 + seconds - 1e-9
    assert breaker.open_seconds == seconds
    assert (breaker.circuit(100.0), breaker.circuit(just_before)) == (Circuit.OPEN, Circuit.OPEN)
    assert not breaker.allows(just_before)
    assert breaker.circuit(100.0 + seconds) is Circuit.HALF_OPEN
    assert breaker.allows(100.0 + seconds)


def test_a_circuit_that_is_due_takes_one_request_at_a_time() -> None:
    tried = opened(0.0).after_start("trial", 1.0)
    assert tried.trial == "trial"
    assert not tried.allows(1.0)
    assert tried.after_start("another", 1.0) == tried


@pytest.mark.parametrize("breaker", [NEW, opened(0.0), replace(opened(0.0), closed_at=0.9)])
def test_nobody_is_a_trial_where_there_is_nothing_to_try(breaker: Breaker) -> None:
    assert breaker.after_start("r", 0.95) == breaker


def test_a_trial_that_gets_a_token_closes_the_circuit_and_the_start_is_slow() -> None:
    back = opened(0.0).after_start("trial", 1.0).after_token(1.0, 3.0)
    assert (back.circuit(3.0), back.allows(3.0), back.trial) == (Circuit.CLOSED, True, None)
    assert [back.warmth(at) for at in (3.0, 18.0, 33.0, 99.0)] == [0.0, 0.5, 1.0, 1.0]


def test_a_trial_that_is_answered_whole_closes_the_circuit() -> None:
    back = opened(0.0).after_start("trial", 1.0).after_end("trial", Outcome.OK, 1.0, 3.0)
    assert (back.circuit(3.0), back.closed_at) == (Circuit.CLOSED, 3.0)


def test_without_a_past_a_backend_is_warm() -> None:
    assert NEW.warmth(0.0) == 1.0


def test_a_trial_that_fails_opens_the_circuit_for_twice_as_long() -> None:
    after = opened(0.0).after_start("trial", 1.0).after_end("trial", Outcome.TIMEOUT, 1.0, 5.0)
    assert after == opened(5.0, 2)


def test_a_trial_that_is_cut_before_its_first_token_opens_the_circuit_for_twice_as_long() -> None:
    after = opened(0.0).after_start("trial", 1.0).after_end("trial", Outcome.TRUNCATED, 1.0, 3.0)
    assert after == opened(3.0, 2)


def cut(breaker: Breaker, at: float) -> Breaker:
    """Once an answer that had begun was cut."""
    return breaker.after_token(at - 1.0, at).after_end("cut", Outcome.TRUNCATED, at - 1.0, at, begun=True)


def test_a_backend_that_cuts_answers_off_is_left_alone_for_four_seconds_at_the_most() -> None:
    breaker, open_seconds, now = NEW, [], 10.0
    for _ in range(6):
        breaker = cut(breaker, now)
        open_seconds.append(breaker.open_seconds)
        now += breaker.open_seconds + 2.0
    assert open_seconds == [1.0, 2.0, 4.0, 4.0, 4.0, 4.0]


def test_a_backend_that_was_back_and_then_went_begins_anew() -> None:
    cut_off = cut(opened(10.0, 6), 50.0)
    assert (cut_off.open_seconds, cut_off.openings) == (4.0, 3)
    refused = cut_off.after_end("trial", Outcome.REFUSED, 55.0, 56.0)
    assert (refused.open_seconds, refused.openings) == (8.0, 4)


@pytest.mark.parametrize("outcome", NO_WORD)
def test_a_trial_that_says_nothing_makes_room_for_another(outcome: Outcome) -> None:
    after = opened(0.0).after_start("trial", 1.0).after_end("trial", outcome, 1.0, 5.0)
    assert (after.circuit(5.0), after.allows(5.0)) == (Circuit.HALF_OPEN, True)


def test_the_end_of_another_request_is_not_the_end_of_the_trial() -> None:
    tried = opened(0.0).after_start("trial", 1.0)
    assert tried.after_end("another", Outcome.CLIENT_GONE, 0.5, 1.5) == tried


@pytest.mark.parametrize("started_at", [0.0, 9.9, 10.0])
def test_requests_that_were_on_their_way_when_the_circuit_opened_say_nothing_new(started_at: float) -> None:
    breaker = opened(10.0)
    for at in (10.0, 10.5, 11.0, 40.0):
        assert failed(breaker, at, started_at) == breaker
        assert breaker.after_token(started_at, at) == breaker
        assert breaker.after_end("r", Outcome.OK, started_at, at) == breaker


def test_requests_from_before_do_not_open_a_circuit_again_that_has_closed() -> None:
    back = opened(10.0).after_token(11.0, 12.0)
    assert failed(back, 13.0, started_at=9.0) == back


def test_a_request_let_in_though_the_circuit_is_open_closes_it_by_a_token() -> None:
    assert opened(10.0, 5).after_token(10.1, 10.2).circuit(10.2) is Circuit.CLOSED


def test_a_request_let_in_though_the_circuit_is_open_may_fail_as_was_to_be_expected() -> None:
    breaker = opened(10.0)
    assert failed(breaker, 10.9, started_at=10.5) == breaker
    assert failed(breaker, 11.1, started_at=10.5) == opened(11.1, 2)


def test_failures_while_the_start_is_slow_are_in_a_row_and_later_ones_are_not() -> None:
    back = opened(0.0, 3).after_token(5.0, 6.0)
    assert failed(back, 6.0 + SLOW_START_SECONDS - 0.01) == opened(6.0 + SLOW_START_SECONDS - 0.01, 4)
    assert failed(back, 6.0 + SLOW_START_SECONDS) == opened(6.0 + SLOW_START_SECONDS, 1)


def test_a_success_after_the_slow_start_ends_the_past() -> None:
    back = opened(0.0, 3).after_token(5.0, 6.0)
    assert back.after_end("r", Outcome.OK, 6.0, 6.0 + SLOW_START_SECONDS - 0.01) == back
    assert back.after_end("r", Outcome.OK, 6.0, 6.0 + SLOW_START_SECONDS) == NEW


@pytest.mark.parametrize(
    ("asked", "rests"),
    [(None, FULL_SECONDS), (0.0, 0.0), (7.0, 7.0), (60.0, 60.0), (61.0, LONGEST_REST_SECONDS), (3600.0, 60.0)],
)
def test_a_full_backend_rests_as_long_as_it_said_within_reason(asked: float | None, rests: float) -> None:
    after = NEW.after_end("r", Outcome.REJECTED, 9.0, 10.0, asked)
    assert after.full_until == 10.0 + rests
    assert after.is_full(10.0) is (rests > 0)
    assert not after.is_full(10.0 + rests)
    assert after.circuit(10.0) is Circuit.CLOSED


def test_a_backend_that_said_nothing_of_the_kind_is_not_full() -> None:
    assert not NEW.is_full(0.0)


def test_to_be_full_outlives_a_failure_and_a_new_start() -> None:
    full = NEW.after_end("r", Outcome.REJECTED, 9.0, 10.0, 50.0)
    assert failed(full, 11.0).full_until == 60.0
    assert failed(full, 11.0).after_token(12.0, 13.0).full_until == 60.0


def test_a_trial_that_finds_the_backend_full_is_over() -> None:
    after = opened(0.0).after_start("trial", 1.0).after_end("trial", Outcome.REJECTED, 1.0, 2.0, 3.0)
    assert (after.trial, after.full_until, after.openings) == (None, 5.0, 1)


@given(moments, st.sampled_from(NO_WORD), st.integers(0, 9))
def test_what_says_nothing_changes_nothing(at: float, outcome: Outcome, openings: int) -> None:
    for breaker in (NEW, opened(at, openings), replace(opened(at, openings), closed_at=at + 1)):
        assert breaker.after_end("r", outcome, at, at + 2) == breaker


@given(moments, moments, moments)
def test_warmth_grows_from_0_to_1_and_never_falls(closed_at: float, one: float, other: float) -> None:
    back = Breaker(1, opened_at=closed_at - 1, closed_at=closed_at)
    first, second = sorted((closed_at + one, closed_at + other))
    assert 0.0 <= back.warmth(first) <= back.warmth(second) <= 1.0


class AnyLife(RuleBasedStateMachine):
    """A backend to which anything happens, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = NEW
        self.last_failure_at = -1e9
        self.running: dict[str, float] = {}
        self.numbers = count()

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(last_one=st.booleans())
    def start(self, last_one: bool) -> None:
        """One more request; where it is not allowed, only if nobody else is there."""
        if self.breaker.allows(self.now) or last_one:
            request = str(next(self.numbers))
            self.running[request] = self.now
            self.breaker = self.breaker.after_start(request, self.now)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def token(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(sorted(self.running)))
        self.breaker = self.breaker.after_token(self.running[request], self.now)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome), wait=st.none() | st.floats(0, 1e5))
    def end(self, data: st.DataObject, outcome: Outcome, wait: float | None) -> None:
        request = data.draw(st.sampled_from(sorted(self.running)))
        before = self.breaker
        self.breaker = before.after_end(request, outcome, self.running.pop(request), self.now, wait)
        if outcome in FAILURES:
            self.last_failure_at = self.now
        elif self.breaker.openings > before.openings:
            raise AssertionError(f"{outcome} opened the circuit")

    @invariant()
    def half_a_minute_after_its_last_failure_a_circuit_is_not_open(self) -> None:
        later = max(self.now, self.last_failure_at + LONGEST_OPEN_SECONDS)
        assert self.breaker.circuit(later) is not Circuit.OPEN

    @invariant()
    def a_trial_runs_and_only_in_a_circuit_that_is_not_closed(self) -> None:
        if self.breaker.trial is not None:
            assert self.breaker.trial in self.running
            assert self.breaker.circuit(self.now) is not Circuit.CLOSED

    @invariant()
    def nobody_rests_longer_than_a_minute(self) -> None:
        assert not self.breaker.is_full(self.now + LONGEST_REST_SECONDS)


TestAnyLife = AnyLife.TestCase
