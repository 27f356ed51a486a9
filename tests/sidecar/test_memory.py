"""What comes into memory and leaves it between two listings, and what that means for who asks next."""

from collections.abc import Sequence
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.engines.engine import Model
from sidecar.facts import (
    BackendAdded,
    BackendSpec,
    Fact,
    FirstTokenCame,
    HealthProbed,
    LoadAsked,
    LoadEnded,
    ModelsListed,
    Outcome,
    ProbeOutcome,
    RequestFinished,
    RequestStarted,
)
from sidecar.memory import NOTHING_REMEMBERED
from sidecar.outlook import outlook_on, silence_seconds
from sidecar.predict import COLD_PRIOR_SECONDS
from sidecar.residency import cold_seconds, holds_until, is_resident
from sidecar.state import BackendState
from sidecar.store import Store
from tests.strategies import histories

MINI = BackendSpec("mini", "http://10.0.0.1:11434")
LOADS = COLD_PRIOR_SECONDS
"""As long as nothing was measured."""


def listed(at: float, *models: Model) -> Fact:
    return ModelsListed(at, "mini", models)


def here(name: str = "gemma4", leaves_in: float | None = None) -> Model:
    return Model(name, loaded=True, expires_in_seconds=leaves_in)


def away(name: str = "gemma4") -> Model:
    return Model(name, loaded=False)


def coming(name: str = "gemma4") -> Model:
    return Model(name, loaded=False, loading=True)


def sent(at: float, request: str = "1", model: str = "gemma4", *, streamed: bool = True) -> Fact:
    return RequestStarted(at, "mini", request, model, "reasoner", 100, streamed)


def first(at: float, request: str = "1") -> Fact:
    return FirstTokenCame(at, "mini", request)


def done(at: float, request: str = "1", outcome: Outcome = Outcome.OK) -> Fact:
    return RequestFinished(at, "mini", request, outcome, 9)


def store(*facts: Fact) -> Store:
    told = Store()
    for fact in (BackendAdded(0.0, MINI), HealthProbed(0.0, "mini", ProbeOutcome.OK, 1.0), *facts):
        told.apply(fact)
    return told


def mini(*facts: Fact) -> BackendState:
    return store(*facts).snapshot(0.0).backends["mini"]


# A stay ends


@pytest.mark.parametrize(("now", "resident"), [(10.0, True), (40.0, True), (40.1, False), (400.0, False)])
def test_a_model_whose_keep_alive_has_run_out_since_is_gone(now: float, resident: bool) -> None:
    state = mini(listed(10.0, here(leaves_in=30.0)))
    assert is_resident(state, "gemma4", now) is resident
    assert (cold_seconds(state, "gemma4", now) == 0.0) is resident


@pytest.mark.parametrize("told", [None, 0.0])
def test_where_nobody_says_when_it_leaves_it_stays(told: float | None) -> None:
    state = mini(listed(10.0, here(leaves_in=told)))
    assert state.memory is NOTHING_REMEMBERED
    assert is_resident(state, "gemma4", 1e6)


def test_an_answer_of_ours_renews_the_stay_by_the_longest_that_was_seen() -> None:
    facts = [listed(0.0, here(leaves_in=300.0)), listed(290.0, here(leaves_in=10.0)), sent(295.0), first(296.0)]
    state = mini(*facts, done(310.0))
    assert is_resident(state, "gemma4", 610.0)
    assert not is_resident(state, "gemma4", 610.1)


def test_while_a_request_of_ours_runs_on_it_a_model_does_not_leave() -> None:
    facts = [listed(0.0, here(leaves_in=5.0)), sent(1.0), first(2.0)]
    assert is_resident(mini(*facts), "gemma4", 500.0)
    assert not is_resident(mini(*facts, done(3.0)), "gemma4", 500.0)


def test_other_models_are_not_kept_by_it() -> None:
    both = listed(0.0, here("gemma4", 5.0), here("qwen3", 5.0))
    state = mini(both, sent(1.0), first(2.0), done(3.0))
    assert [is_resident(state, name, 6.0) for name in ("gemma4", "qwen3")] == [True, False]


@pytest.mark.parametrize("asked", ["gemma4", "gemma4:latest"])
def test_what_ollama_lists_as_latest_is_known_by_its_plain_name_too(asked: str) -> None:
    state = mini(listed(0.0, here("gemma4:latest", 30.0)))
    assert [is_resident(state, asked, now) for now in (1.0, 31.0)] == [True, False]
    answered = mini(listed(0.0, away("gemma4:latest")), sent(1.0, model=asked), first(2.0))
    assert is_resident(answered, asked, 3.0)
    assert is_resident(answered, "gemma4:12b", 3.0) is None


# A load goes on


def test_who_comes_while_it_loads_waits_for_the_rest_of_it() -> None:
    state = mini(listed(0.0, away()), sent(10.0))
    assert [cold_seconds(state, "gemma4", now) for now in (10.0, 14.0, 10.0 + LOADS, 99.0)] == [
        LOADS,
        LOADS - 4,
        0.0,
        0.0,
    ]
    assert is_resident(state, "gemma4", 99.0) is False


def test_a_load_that_is_only_seen_counts_from_when_it_was_first_seen() -> None:
    state = mini(listed(10.0, coming()), listed(12.0, coming()))
    assert cold_seconds(state, "gemma4", 15.0) == LOADS - 5
    assert cold_seconds(mini(listed(10.0, coming()), listed(12.0, away())), "gemma4", 15.0) == LOADS
    assert cold_seconds(mini(listed(10.0, coming()), listed(12.0, here())), "gemma4", 15.0) == 0.0


def test_a_list_that_has_it_while_we_wait_for_its_first_token_proves_nothing() -> None:
    waiting = [listed(0.0, away()), sent(10.0), listed(11.0, here(leaves_in=300.0))]
    assert cold_seconds(mini(*waiting), "gemma4", 12.0) == LOADS - 2
    assert cold_seconds(mini(*waiting, first(13.0)), "gemma4", 13.0) == 0.0


@pytest.mark.parametrize("outcome", [Outcome.CLIENT_GONE, Outcome.BACKEND_ERROR, Outcome.TIMEOUT])
def test_who_leaves_before_it_is_there_leaves_nothing_loading(outcome: Outcome) -> None:
    state = mini(listed(0.0, away()), sent(10.0), done(12.0, outcome=outcome))
    assert cold_seconds(state, "gemma4", 12.0) == LOADS


def test_a_backend_that_says_that_it_still_loads_is_believed() -> None:
    state = mini(listed(0.0, away()), sent(10.0), done(12.0, outcome=Outcome.REJECTED))
    assert cold_seconds(state, "gemma4", 12.0) == LOADS - 2
    assert cold_seconds(mini(listed(0.0, away()), sent(10.0), done(12.0), listed(13.0, away())), "gemma4", 13.0) > 0


def test_an_answer_in_one_piece_shows_that_it_is_there() -> None:
    facts = [listed(0.0, away()), sent(10.0, streamed=False)]
    assert cold_seconds(mini(*facts), "gemma4", 12.0) == LOADS - 2
    assert cold_seconds(mini(*facts, done(30.0)), "gemma4", 30.0) == 0.0


def test_while_a_model_loads_silence_means_nothing_until_it_should_be_there() -> None:
    told = store(listed(0.0, away()), sent(10.0))
    for now, silent in ((10.0 + LOADS, 0.0), (10.0 + LOADS + 3, 3.0)):
        snapshot = told.snapshot(now)
        assert silence_seconds(snapshot.backends["mini"], snapshot.pulses["mini"], now) == pytest.approx(silent)


def test_what_was_worked_out_while_it_loads_is_not_kept_for_the_next_who_asks() -> None:
    told = store(listed(0.0, away()), sent(10.0))
    seen = [
        outlook_on(told.snapshot(now).backends["mini"], "gemma4", "reasoner", told.snapshot(now)) for now in (11, 15)
    ]
    assert [one.cold_seconds for one in seen] == [LOADS - 1, LOADS - 5]
    leaving = store(listed(0.0, here(leaves_in=30.0)))
    kept = [leaving.snapshot(now) for now in (10.0, 31.0)]
    costs = [outlook_on(one.backends["mini"], "gemma4", "reasoner", one).cold_seconds for one in kept]
    assert costs == [0.0, LOADS]


# A load that Maek asked for


def test_a_load_that_maek_asked_for_is_learnt_from_and_shortens_the_wait() -> None:
    asked = [listed(0.0, away()), LoadAsked(10.0, "mini", "gemma4")]
    assert cold_seconds(mini(*asked), "gemma4", 12.0) == LOADS - 2
    assert cold_seconds(mini(*asked, listed(11.0, away())), "gemma4", 12.0) == LOADS - 2
    loaded = mini(*asked, listed(50.0, here()), LoadEnded(50.0, "mini", "gemma4"))
    assert cold_seconds(loaded, "gemma4", 50.0) == 0.0
    assert loaded.forecast("gemma4").cold_seconds == pytest.approx(40.0, abs=0.1)
    assert loaded.memory is NOTHING_REMEMBERED


def test_a_load_that_came_to_nothing_teaches_nothing() -> None:
    state = mini(listed(0.0, away()), LoadAsked(10.0, "mini", "gemma4"), LoadEnded(11.0, "mini", "gemma4"))
    assert cold_seconds(state, "gemma4", 12.0) == LOADS
    assert state.forecasts == {}
    assert state.memory is NOTHING_REMEMBERED


def test_a_server_that_answers_before_it_has_loaded_is_waited_for() -> None:
    facts = [listed(0.0, away()), LoadAsked(10.0, "mini", "gemma4"), listed(10.5, coming())]
    state = mini(*facts, LoadEnded(10.5, "mini", "gemma4"))
    assert state.memory.asked is None
    assert cold_seconds(state, "gemma4", 12.0) == LOADS - 2
    assert state.forecasts == {}


def test_who_waited_for_a_part_of_a_load_does_not_measure_it() -> None:
    asked = [listed(0.0, away()), LoadAsked(10.0, "mini", "gemma4"), sent(48.0), first(50.0)]
    assert mini(*asked).forecast("gemma4").cold_starts == 0


# Whoever loads has not failed


def test_a_load_that_outlasts_our_patience_opens_no_circuit_and_teaches_patience() -> None:
    cold = [listed(0.0, away())]
    for number in range(5):
        at = 1000.0 * number
        cold += [sent(at + 1, str(number)), done(at + 141, str(number), Outcome.TIMEOUT)]
    state = mini(*cold)
    assert (state.breaker.openings, state.last_failure) == (0, None)
    assert state.forecast("gemma4").cold_seconds == pytest.approx(140.0, abs=1.0)
    assert state.work.finished == {Outcome.TIMEOUT: 5}


def test_whoever_cannot_even_be_reached_has_failed_cold_or_not() -> None:
    cold = [listed(0.0, away())]
    for number in range(5):
        cold += [sent(10.0 * number, str(number)), done(10.0 * number + 5, str(number), Outcome.TIMEOUT)]
    assert mini(*cold).breaker.openings > 0


def test_who_stalls_after_its_first_token_has_failed_cold_or_not() -> None:
    cold: list[Fact] = [listed(0.0, away()), sent(1.0), first(20.0), done(81.0, outcome=Outcome.TIMEOUT)]
    last = mini(*cold).last_failure
    assert last is not None
    assert last.outcome is Outcome.TIMEOUT


# Laws


@given(histories(), st.sampled_from(["gemma4", "qwen3:30b", "unheard-of"]), st.floats(0, 60))
def test_a_cold_cost_is_never_negative_and_what_is_there_costs_nothing(
    facts: Sequence[Fact], model: str, later: float
) -> None:
    told = Store()
    for fact in facts:
        told.apply(fact)
    now = (facts[-1].at if facts else 0.0) + later
    for state in told.snapshot(now).backends.values():
        cost = cold_seconds(state, model, now)
        assert 0.0 <= cost < inf
        assert cost == 0.0 or is_resident(state, model, now) is False
        until = holds_until(state, model, now)
        assert until >= now
        if until < inf and not state.memory.loading_since:
            assert is_resident(state, model, until) is is_resident(state, model, now)


@given(histories())
def test_with_nothing_of_ours_there_only_what_a_list_or_maek_says_is_loading(facts: Sequence[Fact]) -> None:
    told = Store()
    for fact in facts:
        told.apply(fact)
    for state in told.snapshot(1e9).backends.values():
        after = state.memory.after_listing(1e9, (coming("a"), away("b")), busy=False)
        assert after.loading_since.keys() <= {"a", state.memory.asked}
