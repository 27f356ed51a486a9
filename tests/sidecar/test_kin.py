"""Machines that are alike learn from one another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    BackendSpec,
    FirstTokenCame,
    Outcome,
    RequestFinished,
    RequestStarted,
)
from sidecar.kin import likeness, with_kin
from sidecar.predict import NO_FORECAST, TRUSTED_SAMPLES, Forecast
from sidecar.store import Store


def measured(speed: float, samples: int = 40, prompts: tuple[int, ...] = (100, 1000, 4000)) -> Forecast:
    """A machine that takes so many times as long as the usual one."""
    forecast = NO_FORECAST
    for number in range(samples):
        prompt = prompts[number % len(prompts)]
        forecast = forecast.after_first_token(prompt, speed * NO_FORECAST.first.at(prompt))
        forecast = forecast.after_answer(1 + number % 4, 100 * speed * NO_FORECAST.later.at(1 + number % 4), 100)
    return forecast


speeds = st.floats(0.2, 5)


@given(speeds, speeds)
def test_likeness_is_mutual_and_between_nothing_and_all(one: float, other: float) -> None:
    first, second = measured(one).first_seen, measured(other).first_seen
    assert 0 <= likeness(first, second) <= 1
    assert likeness(first, second) == likeness(second, first)


def test_the_more_they_differ_the_less_they_are_alike() -> None:
    told = [likeness(measured(1.0).first_seen, measured(speed).first_seen) for speed in (1.0, 1.05, 1.1, 1.2, 1.3, 2.0)]
    assert told == sorted(told, reverse=True)
    assert told[0] == pytest.approx(1.0)
    assert told[1] > 0.5
    assert told[-1] == 0.0


@pytest.mark.parametrize("samples", [0, 1, TRUSTED_SAMPLES - 1])
def test_whoever_was_hardly_measured_is_like_nobody(samples: int) -> None:
    assert likeness(measured(1.0, samples).first_seen, measured(1.0).first_seen) == 0.0
    assert likeness(measured(1.0, TRUSTED_SAMPLES).first_seen, measured(1.0).first_seen) > 0.5


def test_where_nothing_took_any_time_nobody_is_like_anybody() -> None:
    nothing = NO_FORECAST.first_seen.prior(0.0, 0.0, 1000, 1.0)
    for _ in range(TRUSTED_SAMPLES):
        nothing = nothing.after(1000, 0.0, 0.97)
    assert likeness(nothing, measured(1.0).first_seen) == 0.0


@given(speeds, st.lists(speeds, max_size=4))
def test_nobody_takes_what_is_unlike_and_the_own_is_kept(speed: float, others: list[float]) -> None:
    own = measured(speed)
    found = with_kin(own, [measured(other) for other in others])
    assert (found.first_seen, found.later_seen) == (own.first_seen, own.later_seen)
    assert found.first.samples == own.first.samples
    if all(max(speed / other, other / speed) > 1.6 for other in others):
        assert found == own


def test_what_was_measured_in_few_places_is_completed_by_one_like_it() -> None:
    """All its prompts were of one length; the other has seen all lengths, and agrees where both have been."""
    narrow, wide = measured(2.0, prompts=(1000,)), measured(2.0)
    truth = 2.0 * NO_FORECAST.first.at(8000)
    apart = [abs(one.first.at(8000) - truth) for one in (narrow, with_kin(narrow, [wide]))]
    assert apart[1] < apart[0] / 2


# In the store.


def answered(backend: str, model: str, at: float, seconds: float, request: str) -> list:  # type: ignore[type-arg]
    return [
        RequestStarted(at, backend, request, model, "reasoner", 1000, streamed=True),
        FirstTokenCame(at + seconds, backend, request),
        RequestFinished(at + seconds + 2, backend, request, Outcome.OK, 100),
    ]


def fleet(*, rounds: int = 12, models: tuple[str, str] = ("m", "m"), last: tuple[str, str] | None = None) -> Store:
    """Two backends that are equally fast, each with one model."""
    store = Store()
    for name in "ab":
        store.apply(BackendAdded(0.0, BackendSpec(name, f"http://{name}:1")))
    for number in range(rounds):
        for name, model in zip("ab", models, strict=True):
            for fact in answered(name, model, 10.0 * number, 0.5, f"{name}{number}"):
                store.apply(fact)
    return store


def borrows(store: Store, backend: str, model: str) -> bool:
    """Whether a forecast rests on more than its own samples."""
    forecast = store.snapshot(999.0).backends[backend].forecast(model)
    return forecast.first.weight > forecast.first_seen.weight


def test_equal_backends_with_the_same_model_share_what_they_measured() -> None:
    assert borrows(fleet(), "b", "m")


def test_other_models_are_no_kin() -> None:
    assert not borrows(fleet(models=("m", "n")), "b", "n")


def test_whose_forecast_changed_learns_whatever_was_asked_for_last() -> None:
    store = fleet()
    for fact in (
        RequestStarted(200.0, "b", "x", "m", "reasoner", 1000, streamed=True),
        RequestStarted(200.1, "b", "y", "other", "reasoner", 1000, streamed=True),
        FirstTokenCame(200.5, "b", "x"),
    ):
        store.apply(fact)
    assert borrows(store, "b", "m")


def test_whoever_is_gone_is_no_kin_any_more() -> None:
    store = fleet()
    store.apply(BackendRemoved(300.0, "a"))
    for fact in answered("b", "m", 300.0, 0.5, "z"):
        store.apply(fact)
    assert not borrows(store, "b", "m")
