"""Where a call went, and how much of it is kept."""

from router.balance.why import Why
from router.journey import MOST_IN_FULL, Attempt, Journey
from sidecar import Outcome
from tests.router.choices import GPU, MINI, why


def chosen() -> Why:
    """A choice that `mini` won."""
    return why(MINI, GPU, won=MINI)


def test_of_many_attempts_the_first_and_the_last_ones_keep_everybody() -> None:
    made = Journey()
    for at in range(MOST_IN_FULL + 3):
        made.begin(Attempt(chosen(), MINI.candidate, None), float(at))
    kept = [len(attempt.why.considered) for attempt in made.attempts]
    assert kept == [2, 1, 1, 1, 2, 2]
    assert made.attempts[1].why.not_shown == {"able": 1}


def test_an_attempt_measures_from_its_own_beginning_and_the_journey_from_the_first() -> None:
    made = Journey()
    first, second = (Attempt(chosen(), MINI.candidate, None) for _ in range(2))
    made.begin(first, 10.0)
    made.end(first, Outcome.REFUSED, None, 10.5)
    made.begin(second, 10.5)
    made.end(second, Outcome.OK, 11.0, 12.0, 42)
    assert (first.first_token_ms, first.total_ms) == (None, 500.0)
    assert (second.first_token_ms, second.total_ms, second.output_tokens) == (500.0, 1500.0, 42)
    assert (made.first_token_ms, made.total_ms) == (1000.0, 2000.0)


def test_the_last_choice_is_the_one_that_nobody_could_win_if_it_came_to_that() -> None:
    made = Journey()
    assert made.why is None
    made.begin(Attempt(chosen(), MINI.candidate, None), 1.0)
    assert made.why is made.attempts[0].why
    made.nobody = chosen()
    assert made.why is made.nobody


def test_the_log_line_holds_what_came_against_what_was_predicted() -> None:
    made = Journey()
    attempt = Attempt(chosen(), MINI.candidate, None, hedge=True, waited_seconds=0.25)
    made.begin(attempt, 10.0)
    running = str(attempt)
    made.end(attempt, Outcome.OK, 10.5, 13.0, 42)
    assert running.startswith("backend=mini model=gemma4 outcome=running predicted_ttft_ms=412.0 first_token_ms=None")
    assert str(attempt) == (
        "backend=mini model=gemma4 outcome=ok predicted_ttft_ms=412.0 first_token_ms=500.0 total_ms=3000.0 "
        "output_tokens=42 waited_ms=250.0 hedge=yes"
    )
