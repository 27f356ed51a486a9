from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.facts import BackendSpec, RequestStarted
from sidecar.progress import PACE_SECONDS, Progress, Pulse, Rhythm
from sidecar.requests import started
from sidecar.state import BackendState


def place(pulse: Pulse, request: str = "1", at: float = 0.0, prompt: int = 0, **more: Any) -> Progress:
    """A request that was just sent."""
    sent = RequestStarted(at, "mini", request, "gemma4", "reasoner", prompt, streamed=True, **more)
    booking, _ = started(BackendState(BackendSpec("mini", "")), sent)
    pulse.places[request] = Progress(at, pulse, booking)
    return pulse.places[request]


def test_before_any_token_there_is_no_beat() -> None:
    assert Pulse().rhythm == Rhythm()


def test_a_first_token_has_no_gap_before_it() -> None:
    pulse = Pulse()
    one = place(pulse)
    one.token(3.0)
    assert (one.first_at, one.last_at, one.tokens) == (3.0, 3.0, 1)
    assert (pulse.last_token_at, pulse.gap_seconds, pulse.tokens) == (3.0, None, 1)


def test_a_first_token_that_was_reported_stays_where_it_was_when_tokens_are_counted_later() -> None:
    one = place(Pulse())
    one.first_at = 2.0
    one.token(3.0)
    assert (one.first_at, one.last_at) == (2.0, 3.0)


@pytest.mark.parametrize("many", [1, 4])
def test_the_gap_is_what_a_token_took(many: int) -> None:
    pulse = Pulse()
    one = place(pulse)
    for at in (1.0, 2.0, 3.0, 4.0):
        one.token(at, many)
    assert pulse.gap_seconds == pytest.approx(1.0 / many)
    assert (one.tokens, pulse.tokens) == (4 * many, 4 * many)


def test_gaps_are_those_of_each_stream_and_not_between_streams() -> None:
    pulse = Pulse()
    one, other = place(pulse), place(pulse, "2")
    for number in range(10):
        one.token(number * 1.0)
        other.token(number * 1.0 + 0.5)
    assert pulse.gap_seconds == pytest.approx(1.0)
    assert pulse.last_token_at == 9.5


def test_what_was_long_ago_hardly_counts() -> None:
    pulse = Pulse()
    one = place(pulse)
    for number in range(50):
        one.token(number * 0.1)
    other = place(pulse, "2")
    other.token(5.0 + 20 * PACE_SECONDS)
    other.token(6.0 + 20 * PACE_SECONDS)
    assert pulse.gap_seconds is not None
    assert 0.6 < pulse.gap_seconds <= 1.0


def test_an_answer_that_came_all_at_once_has_no_gaps() -> None:
    pulse = Pulse()
    one = place(pulse)
    one.token(9.0, 0)
    assert (pulse.gap_seconds, pulse.last_token_at, one.tokens, one.first_at) == (None, 9.0, 0, 9.0)


def test_prompts_that_were_worked_off_are_held_beside_the_tokens() -> None:
    pulse = Pulse()
    one = place(pulse)
    one.token(0.0)
    one.token(0.1, 10)
    assert pulse.prompts_per_token == 0.0
    place(pulse, "2", prompt=500).token(0.1)
    assert pulse.prompts_per_token == pytest.approx(50.0)


def test_a_backend_that_moved_has_a_new_beat_and_its_old_requests_know() -> None:
    pulse = Pulse()
    one = place(pulse)
    one.token(0.0)
    one.token(1.0)
    pulse.move()
    assert (pulse.gap_seconds, one.moved) == (None, True)
    assert not place(pulse, "2").moved


moments = st.lists(st.tuples(st.sampled_from("12"), st.floats(0, 3), st.integers(0, 5)), max_size=20)


@given(moments)
def test_what_a_pulse_says_can_be_said_again_to_the_last_digit(beats: list[tuple[str, float, int]]) -> None:
    live, again = Pulse(), Pulse()
    for pulse in (live, again):
        place(pulse, "1", prompt=70)
        place(pulse, "2", prompt=300)
    now = 0.0
    for request, pause, tokens in beats:
        now += pause
        live.places[request].token(now, tokens)
    again.recall(live.rhythm)
    assert again.rhythm == live.rhythm
    assert live.gap_seconds is None or live.gap_seconds >= 0
    assert live.prompts_per_token >= 0


def test_a_copy_that_stands_still_is_not_written_to() -> None:
    pulse = Pulse()
    one = place(pulse)
    one.token(1.0)
    still = pulse.still()
    before = still.rhythm
    one.token(2.0)
    place(pulse, "2")
    pulse.worked_out["gemma4", "reasoner"] = "something"
    assert still.rhythm == before != pulse.rhythm
    assert list(still.places) == ["1"]
    assert still.worked_out == {}
