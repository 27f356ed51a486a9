"""What one more request would meet, by what tokens say this very moment, and what a silence or a load costs."""

from dataclasses import replace
from typing import Any

import pytest

from sidecar.engines.engine import Model
from sidecar.health import Health, Verdict
from sidecar.lengths import NO_LENGTHS as LENGTHS
from sidecar.outlook import (
    MOST_SLOWER,
    PLAINLY_SLOWER,
    SHORTEST_SILENCE_SECONDS,
    SILENCE_FACTOR,
    Outlook,
    silence_seconds,
)
from sidecar.progress import Rhythm
from sidecar.state import BackendState
from tests.sidecar.outlooks import MODEL, backend, known, on, pulse, streams
from tests.states import NOW

# What the tokens of this very moment say.


def beating(gap_ratio: float, running: int = 2) -> tuple[BackendState, Outlook]:
    """A backend whose tokens take so many times as long as expected."""
    state = backend(streams(running))
    forecast = state.forecast(MODEL)
    expected = forecast.later.at(running) + (running - 1) * LENGTHS.prompts_ratio * forecast.first.slope
    rhythm = Rhythm(NOW, gap_ratio * expected)
    return state, on(state, pulse(state, rhythm, (5,) * running))


@pytest.mark.parametrize("ratio", [0.1, 1.0, 0.99 * PLAINLY_SLOWER])
def test_what_is_not_plainly_slower_is_as_expected(ratio: float) -> None:
    state, found = beating(ratio)
    assert found == on(state)


@pytest.mark.parametrize(("ratio", "pace"), [(2.0, 2.0), (6.0, 6.0), (99.0, MOST_SLOWER)])
def test_what_is_plainly_slower_is_slower_throughout(ratio: float, pace: float) -> None:
    state, found = beating(ratio)
    steady = on(state)
    assert found.pace == pytest.approx(pace)
    assert found.token_seconds(LENGTHS) == pytest.approx(pace * steady.token_seconds(LENGTHS))
    assert found.ttft(1000, LENGTHS) == pytest.approx(pace * steady.ttft(1000, LENGTHS))


def test_a_gap_from_before_says_nothing_where_nobody_runs() -> None:
    state = backend()
    assert on(state, pulse(state, Rhythm(NOW - 90, 9.0))) == on(state)
    waiting = backend(streams(0, due=(10,)))
    assert on(waiting, pulse(waiting, Rhythm(NOW, 9.0))) == on(waiting)


@pytest.mark.parametrize(
    ("since", "last_token_at", "silence"),
    [(None, NOW - 5, 0.0), (NOW - 3, None, 3.0), (NOW - 3, NOW - 90, 3.0), (NOW - 90, NOW - 4, 4.0)],
)
def test_silence_begins_with_the_last_token_or_the_first_stream(
    since: float | None, last_token_at: float | None, silence: float
) -> None:
    state = backend(replace(streams(1), silent_since=since))
    assert silence_seconds(state, pulse(state, Rhythm(last_token_at)), NOW) == silence


@pytest.mark.parametrize(
    ("silence", "gap", "due", "cost"),
    [
        (SHORTEST_SILENCE_SECONDS, 0.01, 0, 0.0),
        (1.01, 0.01, 0, SILENCE_FACTOR * 1.01),
        # Six gaps of this stream, and two and a half times what the prompts that are due may take.
        (1.19, 0.2, 0, 0.0),
        (1.21, 0.2, 0, SILENCE_FACTOR * 1.21),
        (7.0, 0.01, 10_000, 0.0),
        (8.0, 0.01, 10_000, SILENCE_FACTOR * 8.0),
        # Before there was any gap: what a token is expected to take.
        (1.01, None, 0, SILENCE_FACTOR * 1.01),
    ],
)
def test_a_silence_that_should_not_be_costs_twice_what_it_lasted(
    silence: float, gap: float | None, due: int, cost: float
) -> None:
    state = backend(streams(1, due=(due,) if due else (), since=NOW - 90))
    found = on(state, pulse(state, Rhythm(NOW - silence, gap), (5,)))
    assert found.silent_seconds == pytest.approx(cost)
    assert found.ttft(0, LENGTHS) == pytest.approx(found.pace * (found.first_seconds + found.ahead_seconds) + cost)


# Loading.


@pytest.mark.parametrize(
    ("more", "cold"),
    [
        ({}, False),
        ({"models": (Model(MODEL, loaded=True),)}, False),
        ({"models": (Model(MODEL),)}, False),
        ({"models": (Model(MODEL, loaded=False),)}, True),
        ({"health": Health(Verdict.UP, sleeping=True)}, True),
    ],
)
def test_a_model_that_is_not_in_memory_has_to_be_loaded(more: dict[str, Any], cold: bool) -> None:
    loading = replace(known(), cold_seconds=33.0)
    assert on(backend(forecasts={MODEL: loading}, **more)).cold_seconds == (33.0 if cold else 0.0)
