import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.predict import (
    COLD_PRIOR_SECONDS,
    FULL_WEIGHT_TOKENS,
    LATE_SECONDS,
    LONGEST_SAMPLE_SECONDS,
    NO_FORECAST,
    SHORTEST_ANSWER_TOKENS,
    TRUSTED_SAMPLES,
    Forecast,
    came_late,
    slots_after_wait,
)

seconds = st.floats(0, 600)
tokens = st.integers(0, 50_000)


def measured(forecast: Forecast = NO_FORECAST, times: int = TRUSTED_SAMPLES) -> Forecast:
    for _ in range(times):
        forecast = forecast.after_first_token(1000, 0.5)
    return forecast


@given(st.lists(st.tuples(tokens, seconds, st.integers(0, 3)), max_size=30), tokens, st.floats(1, 64))
def test_whatever_was_measured_no_prediction_is_negative(
    seen: list[tuple[int, float, int]], prompt: int, sequences: float
) -> None:
    forecast = NO_FORECAST
    for many, took, kind in seen:
        match kind:
            case 0:
                forecast = forecast.after_first_token(many, took)
            case 1:
                forecast = forecast.after_answer(many / 1000, took, many)
            case 2:
                forecast = forecast.after_whole(many, sequences, took, many + 1)
            case _:
                forecast = forecast.after_cold_start(took, many)
    assert forecast.first.at(prompt) >= 0
    assert forecast.later_seconds(sequences, 100) >= 0
    assert forecast.cold_seconds >= 0


def test_a_forecast_is_a_guess_until_it_was_measured_often_enough() -> None:
    assert not measured(times=TRUSTED_SAMPLES - 1).trusted
    assert measured().trusted


def test_a_first_token_that_never_seemed_to_come_counts_as_a_minute() -> None:
    stuck = NO_FORECAST.after_first_token(1000, LONGEST_SAMPLE_SECONDS)
    assert NO_FORECAST.after_first_token(1000, 3600) == stuck


# Answers.


@pytest.mark.parametrize("many", [0, 1, SHORTEST_ANSWER_TOKENS - 1])
def test_an_answer_of_a_few_tokens_says_nothing_of_their_pace(many: int) -> None:
    assert NO_FORECAST.after_answer(1, 9.0, many) is NO_FORECAST


def test_a_longer_answer_says_more_up_to_a_full_one() -> None:
    def pace(many: int) -> float:
        return NO_FORECAST.after_answer(1, 0.5 * many, many).later_seconds(1, 1)

    lengths = [SHORTEST_ANSWER_TOKENS, FULL_WEIGHT_TOKENS // 2, FULL_WEIGHT_TOKENS]
    assert [pace(many) for many in lengths] == sorted(pace(many) for many in lengths)
    assert pace(FULL_WEIGHT_TOKENS) == pytest.approx(pace(10 * FULL_WEIGHT_TOKENS))
    assert pace(SHORTEST_ANSWER_TOKENS) < pace(FULL_WEIGHT_TOKENS) < 0.5


def test_nobody_runs_alone_less_than_once() -> None:
    assert NO_FORECAST.after_answer(0.0, 9.0, 100) == NO_FORECAST.after_answer(1.0, 9.0, 100)
    assert NO_FORECAST.later_seconds(0.2, 10) == NO_FORECAST.later_seconds(1, 10)


# Answers that came all at once.


@given(tokens, st.floats(1, 64), st.integers(1, 5000))
def test_an_answer_that_took_as_long_as_predicted_changes_no_prediction(
    prompt: int, sequences: float, many: int
) -> None:
    predicted = NO_FORECAST.first.at(prompt) + NO_FORECAST.later_seconds(sequences, many - 1)
    forecast = NO_FORECAST.after_whole(prompt, sequences, predicted, many)
    if NO_FORECAST.first.at(prompt) <= LONGEST_SAMPLE_SECONDS:
        assert forecast.first.at(2000) == pytest.approx(NO_FORECAST.first.at(2000))
    assert forecast.later_seconds(4, 100) == pytest.approx(NO_FORECAST.later_seconds(4, 100))


def test_one_that_took_twice_as_long_makes_both_parts_slower() -> None:
    predicted = NO_FORECAST.first.at(1000) + NO_FORECAST.later_seconds(2, 199)
    forecast = NO_FORECAST.after_whole(1000, 2, 2 * predicted, 200)
    assert forecast.first.at(1000) > NO_FORECAST.first.at(1000)
    assert forecast.later_seconds(2, 199) > NO_FORECAST.later_seconds(2, 199)


def test_it_says_half_as_much_as_one_that_was_seen_to_come() -> None:
    whole = NO_FORECAST.after_whole(1000, 1, 9.0, 1)
    assert whole == NO_FORECAST.after_first_token(1000, 9.0, weight=0.5)


def test_a_backend_that_is_slower_throughout_is_known_to_be_from_whole_answers_alone() -> None:
    forecast = NO_FORECAST
    for number in range(400):
        prompt, many = 200 + 37 * number % 3000, 10 + 13 * number % 400
        forecast = forecast.after_whole(prompt, 1, 4 * (0.05 + 0.0003 * prompt) + 0.1 * (many - 1), many)
    for prompt, many in ((200, 50), (1000, 150), (3000, 20)):
        truth = 4 * (0.05 + 0.0003 * prompt) + 0.1 * (many - 1)
        told = forecast.first.at(prompt) + forecast.later_seconds(1, many - 1)
        guessed = NO_FORECAST.first.at(prompt) + NO_FORECAST.later_seconds(1, many - 1)
        assert guessed < truth / 2
        assert told == pytest.approx(truth, rel=0.25)


# Cold starts.


def test_the_first_load_replaces_the_guess_and_later_ones_are_averaged() -> None:
    prompt_seconds = NO_FORECAST.first.at(1000)
    once = NO_FORECAST.after_cold_start(40 + prompt_seconds, 1000)
    twice = once.after_cold_start(20 + prompt_seconds, 1000)
    assert NO_FORECAST.cold_seconds == COLD_PRIOR_SECONDS
    assert [once.cold_seconds, twice.cold_seconds] == pytest.approx([40, 30])
    assert [once.cold_starts, twice.cold_starts] == [1, 2]
    assert twice.first == NO_FORECAST.first


def test_a_load_that_took_no_time_took_none_and_not_less() -> None:
    assert NO_FORECAST.after_cold_start(0.0, 5000).cold_seconds == 0.0


# Waiting for a slot.


@pytest.mark.parametrize(
    ("expected", "took", "late"),
    [(0.0, LATE_SECONDS, False), (0.0, 0.51, True), (1.0, 3.5, False), (1.0, 3.51, True), (2.0, 2.0, False)],
)
def test_late_is_three_times_the_prediction_and_half_a_second(expected: float, took: float, late: bool) -> None:
    assert came_late(expected, took) is late


@pytest.mark.parametrize(
    ("slots", "streaming", "then"),
    [(None, 4, 4.0), (None, 0, 1.0), (4.0, 4, 4.0), (4.0, 2, 3.4), (1.0, 0, 1.0), (1.2, 0, 1.0), (2.0, 6, 3.2)],
)
def test_slots_move_towards_what_was_seen_and_never_below_one(slots: float | None, streaming: int, then: float) -> None:
    assert slots_after_wait(slots, streaming) == pytest.approx(then)
