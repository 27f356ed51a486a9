from dataclasses import replace

import pytest
from hypothesis import given

from sidecar.facts import BackendSpec
from sidecar.health import Health, Verdict
from sidecar.predict import NO_FORECAST, TRUSTED_SAMPLES, TYPICAL_PROMPT_TOKENS
from sidecar.standing import Standing, standing, typical
from sidecar.state import BackendState, Snapshot
from sidecar.usual import NOTHING_USUAL
from sidecar.work import Work
from tests.states import NOW, snapshots

MINI = BackendSpec("mini", "http://10.0.0.1:8080")


def state(draining: bool = False, **health: bool) -> BackendState:
    return BackendState(MINI, health=Health(Verdict.UP, **health), draining=draining)


@pytest.mark.parametrize(
    ("of", "word"),
    [
        (BackendState(MINI), None),
        (BackendState(MINI, draining=True), None),
        (state(), Standing.READY),
        (state(loading=True), Standing.LOADING),
        (state(sleeping=True), Standing.SLEEPING),
        (state(suspended=True), Standing.SUSPENDED),
        (state(draining=True), Standing.DRAINING),
        (state(draining=True, loading=True), Standing.DRAINING),
        (state(draining=True, suspended=True), Standing.DRAINING),
        (replace(state(draining=True), health=Health(Verdict.DOWN, 3)), Standing.DOWN),
    ],
)
def test_a_backend_stands_in_one_word(of: BackendState, word: Standing | None) -> None:
    assert standing(of) is word


def measured(samples: int = TRUSTED_SAMPLES) -> BackendState:
    forecast, usual = NO_FORECAST, NOTHING_USUAL
    for number in range(samples):
        forecast = forecast.after_first_token(1000, 0.5)
        usual = usual.after_first_token(number, 1000, 0.5).after_answer(number, 1, 2.0, 100)
    models = {"forecasts": {"gemma4": forecast}, "usual": {"gemma4": usual}}
    return replace(state(), last_model="gemma4", last_role="reasoner", **models)


def seen(of: BackendState) -> Snapshot:
    return Snapshot(NOW, {"mini": of}, 0, 1)


def test_on_an_idle_backend_a_typical_request_is_not_slowed_down() -> None:
    of = measured()
    found = typical(of, seen(of))
    assert found is not None
    assert found.ttft_seconds == pytest.approx(of.forecast("gemma4").first.at(TYPICAL_PROMPT_TOKENS))
    assert found.slowdown_ratio == 1.0


def test_behind_others_it_is() -> None:
    of = replace(measured(), spec=replace(MINI, slots=2), work=Work(started=6, in_flight=6))
    found = typical(of, seen(of))
    assert found is not None
    assert found.slowdown_ratio is not None
    assert found.slowdown_ratio > 2


def test_how_much_slower_is_not_said_before_anything_is_usual() -> None:
    of = replace(measured(), usual={})
    found = typical(of, seen(of))
    assert found is not None
    assert found.slowdown_ratio is None


@pytest.mark.parametrize(
    "of",
    [
        state(),
        measured(TRUSTED_SAMPLES - 1),
        replace(measured(), last_model="other"),
        replace(measured(), last_model=None),
        replace(measured(), health=Health(Verdict.DOWN, 3)),
        replace(measured(), health=Health(Verdict.UP, loading=True)),
        replace(measured(), health=Health()),
    ],
)
def test_nothing_is_predicted_of_what_serves_nothing_or_was_not_measured(of: BackendState) -> None:
    assert typical(of, seen(of)) is None


@given(snapshots)
def test_a_prediction_is_of_something_that_serves_and_never_less_than_nothing(told: Snapshot) -> None:
    for of in told.backends.values():
        found = typical(of, told)
        if found is not None:
            assert of.health.available
            assert found.ttft_seconds >= 0
            assert found.slowdown_ratio is None or found.slowdown_ratio >= 1
