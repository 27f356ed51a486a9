"""What our own requests tell of a backend: laws over any history, then what each kind of request measures."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.engines.engine import Model, Reading
from sidecar.facts import (
    Fact,
    HealthProbed,
    LoadRead,
    Outcome,
    ProbeOutcome,
    RequestFinished,
)
from sidecar.predict import COLD_PRIOR_SECONDS, NO_FORECAST, TOKENS_OF_WAITING, Forecast
from sidecar.store import Store
from tests.sidecar.requesting import MINI, done, first, gemma, mini, sent, told
from tests.strategies import REQUESTS, flights, histories

# Laws.


@given(flights() | histories())
def test_counts_agree_and_nothing_is_negative_after_any_history(facts: list[Fact]) -> None:
    store = Store()
    for fact in facts:
        store.apply(fact)
        for state in store.snapshot(fact.at).backends.values():
            work = state.work
            assert work.started == work.in_flight + sum(work.finished.values())
            assert work.in_flight == work.awaited + work.running
            assert min(work.awaited, work.due_tokens, work.running, work.streaming, work.running_seconds) >= 0
            assert state.inferred_slots is None or state.inferred_slots >= 1


@given(histories())
def test_when_all_requests_have_ended_no_work_is_left(facts: list[Fact]) -> None:
    store = Store()
    for fact in facts:
        store.apply(fact)
    last = facts[-1].at if facts else 0.0
    for name in store.snapshot(last).backends:
        for request in REQUESTS:
            store.apply(RequestFinished(last, name, request, Outcome.CLIENT_GONE))
        work = store.snapshot(last).backends[name].work
        assert (work.in_flight, work.due_tokens, work.awaited, work.running, work.streams) == (0, 0, 0, 0, 0)
        assert work.silent_since is None


@given(flights() | histories())
def test_every_forecast_stays_one_that_can_be_reckoned_with(facts: list[Fact]) -> None:
    store = Store()
    for fact in facts:
        store.apply(fact)
    for state in store.snapshot(0.0).backends.values():
        for forecast in state.forecasts.values():
            assert 0 < forecast.first.at(1000) < 1e6
            assert 0 < forecast.later.at(4) < 1e6
            assert 0 <= forecast.cold_seconds < 1e6


# Speed.


def test_a_first_token_is_a_sample_of_the_prompts_before_it() -> None:
    assert gemma(sent("1", 1.0), first("1", 1.75)) == NO_FORECAST.after_first_token(1000, 0.75)


def test_prompts_of_ours_that_are_still_due_stand_before_it() -> None:
    forecast = gemma(sent("1", 1.0, prompt=600), sent("2", 1.5, prompt=50), first("2", 2.0))
    assert forecast == NO_FORECAST.after_first_token(650, 0.5)


def test_those_whose_first_token_has_come_do_not() -> None:
    forecast = gemma(sent("1", 1.0, prompt=600), first("1", 2.0), sent("2", 2.0, prompt=50), first("2", 2.5))
    assert forecast == NO_FORECAST.after_first_token(600, 1.0).after_first_token(50, 0.5, running=1)


def test_others_that_wait_stand_before_it_with_a_typical_prompt_each() -> None:
    reading = LoadRead(0.5, "mini", Reading(running=3, waiting=2))
    forecast = gemma(reading, sent("1", 1.0, prompt=50), first("1", 2.0))
    assert forecast == NO_FORECAST.after_first_token(50 + 2 * TOKENS_OF_WAITING, 1.0, running=3)


def test_a_second_first_token_says_nothing() -> None:
    once = [sent("1", 1.0), first("1", 1.7)]
    assert mini(*once, first("1", 5.0)) == mini(*once)


def test_a_first_token_of_a_request_that_is_not_streamed_says_nothing() -> None:
    only = [sent("1", 1.0, streamed=False)]
    assert mini(*only, first("1", 5.0)).work == mini(*only).work
    assert gemma(*only, first("1", 5.0)) == NO_FORECAST


def test_the_pace_is_that_of_the_tokens_after_the_first() -> None:
    before = gemma(sent("1", 1.0), first("1", 1.5))
    after = gemma(sent("1", 1.0), first("1", 1.5), done("1", 6.5, tokens=101))
    assert after.later == before.after_answer(1.0, 5.0, 100).later


def test_the_pace_ends_with_the_last_token_and_not_with_the_connection() -> None:
    ended = [sent("1", 1.0), first("1", 1.5), done("1", 9.0, tokens=101, last_token_at=6.5)]
    assert gemma(*ended) == gemma(sent("1", 1.0), first("1", 1.5), done("1", 6.5, tokens=101))


@pytest.mark.parametrize("tokens", [0, 1])
def test_an_answer_of_one_token_has_no_pace(tokens: int) -> None:
    assert gemma(sent("1", 1.0), first("1", 1.5), done("1", 3.0, tokens)).later == NO_FORECAST.later


def test_an_answer_whose_tokens_all_came_in_one_moment_has_no_pace() -> None:
    assert gemma(sent("1", 1.0), first("1", 1.5), done("1", 1.5)).later == NO_FORECAST.later


@pytest.mark.parametrize("outcome", [*Outcome])
def test_only_what_came_as_it_should_measures_the_pace(outcome: Outcome) -> None:
    measures = outcome in (Outcome.OK, Outcome.OVERLONG, Outcome.CLIENT_GONE)
    changed = gemma(sent("1", 1.0), first("1", 1.5), done("1", 6.5, outcome=outcome)).later != NO_FORECAST.later
    assert changed is measures


def test_a_request_that_got_no_token_measures_nothing() -> None:
    assert gemma(sent("1", 1.0), done("1", 9.0, tokens=0, outcome=Outcome.CLIENT_GONE)) == NO_FORECAST


def test_one_that_others_answered_sooner_takes_at_least_so_long() -> None:
    waited = [sent("1", 1.0), done("1", 4.0, tokens=0, outcome=Outcome.SILENT)]
    assert gemma(*waited) == NO_FORECAST.after_first_token(1000, 3.0, 0)


@pytest.mark.parametrize(
    ("model", "streamed", "until"), [("gemma4", True, 1.1), ("gemma4", False, 9.0), ("qwen3", True, 9.0)]
)
def test_one_that_was_not_late_or_not_seen_or_that_loaded_measures_nothing_then(
    model: str, streamed: bool, until: float
) -> None:
    store = told([sent("1", 1.0, model=model, streamed=streamed), done("1", until, tokens=0, outcome=Outcome.SILENT)])
    assert store.snapshot(0.0).backends["mini"].forecast(model) == NO_FORECAST


def test_a_wait_for_a_slot_that_was_known_to_be_taken_is_no_wait_for_a_first_token() -> None:
    others = [sent("0", 0.0), sent("1", 1.0), done("1", 9.0, tokens=0, outcome=Outcome.SILENT)]
    assert gemma(*others, spec=replace(MINI, slots=1)) == NO_FORECAST


def test_company_is_the_mean_over_the_time_in_which_tokens_came() -> None:
    joining = [sent("2", 2.0, prompt=0), first("2", 6.0)]  # half-way
    facts = [sent("1", 0.0), first("1", 1.0), *joining]
    later = gemma(*facts, done("1", 11.0, tokens=101)).later
    assert later == NO_FORECAST.after_answer(1.5, 10.0, 100).later


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10), st.booleans()), max_size=5),
    st.floats(1, 3),
    st.floats(5, 9),
)
def test_company_equals_brute_force(others: list[tuple[float, float, bool]], first_at: float, last_at: float) -> None:
    """Others come at some moment and stay for some time, streamed or not; streamed ones get a token at once."""
    steps: list[tuple[float, int, Fact]] = [(0.0, 0, sent("us", 0.0)), (first_at, 1, first("us", first_at))]
    area = last_at - first_at
    for number, (begin, stay, streamed) in enumerate(others):
        name, end = f"other{number}", begin + stay
        if end >= last_at:
            end = 20.0
        steps.append((begin, 2, sent(name, begin, prompt=0, streamed=streamed, model="qwen9")))
        steps.append((begin, 3, first(name, begin)))
        steps.append((end, 4, done(name, end, tokens=0)))
        area += max(0.0, min(end, last_at) - max(begin, first_at)) if begin < last_at else 0.0
    steps = [step for step in steps if step[0] <= last_at]
    facts = [fact for _, _, fact in sorted(steps, key=lambda step: step[:2])]
    sequences = area / (last_at - first_at)
    seconds = last_at - first_at
    found = gemma(*facts, done("us", last_at, tokens=101)).later
    brute = NO_FORECAST.after_answer(sequences, seconds, 100).later
    assert (found.intercept, found.slope) == pytest.approx((brute.intercept, brute.slope), rel=1e-6, abs=1e-9)


def test_prompts_of_others_that_are_worked_off_meanwhile_are_not_held_against_the_pace() -> None:
    facts = [sent("1", 0.0), first("1", 1.0), sent("2", 2.0, prompt=4000, model="qwen9"), first("2", 6.0)]
    before = gemma(*facts)
    later = gemma(*facts, done("1", 11.0, tokens=101)).later
    assert later == before.after_answer(1.5, 10.0, 100, prompt_tokens=4000).later
    assert later.at(2) < before.after_answer(1.5, 10.0, 100).later.at(2)


def test_others_clients_keep_company_too() -> None:
    reading = LoadRead(0.5, "mini", Reading(running=3))
    later = gemma(reading, sent("1", 1.0), first("1", 1.5), done("1", 6.5)).later
    assert later == NO_FORECAST.after_answer(4.0, 5.0, 100).later


# Answers that are not streamed.


def test_a_whole_answer_measures_both_with_half_weight() -> None:
    forecast = gemma(sent("1", 1.0, streamed=False), done("1", 9.0, tokens=101))
    assert forecast == NO_FORECAST.after_whole(1000, 1.0, 8.0, 101)
    assert forecast.first.samples == forecast.later.samples == 1


def test_its_company_is_counted_from_its_start() -> None:
    both = [sent("1", 0.0, streamed=False), sent("2", 5.0, streamed=False)]
    assert gemma(*both, done("1", 10.0)) == NO_FORECAST.after_whole(1000, 1.5, 10.0, 101)


@pytest.mark.parametrize(
    "end",
    [
        done("1", 9.0, tokens=0),
        done("1", 1.0),
        done("1", 9.0, outcome=Outcome.BACKEND_ERROR),
        done("1", 9.0, outcome=Outcome.CLIENT_GONE),
    ],
)
def test_one_that_nobody_counted_or_that_failed_measures_nothing(end: Fact) -> None:
    assert gemma(sent("1", 1.0, streamed=False), end) == NO_FORECAST


def test_one_that_may_have_waited_for_a_slot_measures_nothing() -> None:
    one_slot = replace(MINI, slots=1)
    both = [sent("1", 0.0, streamed=False), sent("2", 0.0, streamed=False), done("2", 9.0)]
    assert gemma(*both, spec=one_slot) == NO_FORECAST
    assert gemma(*both) != NO_FORECAST


def test_a_pool_that_is_never_streamed_is_trusted_in_the_end() -> None:
    facts: list[Fact] = []
    for number in range(5):
        at = 10.0 * number
        facts += [sent(str(number), at, streamed=False), done(str(number), at + 3, tokens=30)]
    assert gemma(*facts).trusted


# Loading.


def cold(*facts: Fact) -> Forecast:
    return mini(*facts).forecast("qwen3")


def test_a_cold_start_measures_the_load_and_not_the_speed() -> None:
    forecast = cold(sent("1", 1.0, model="qwen3"), first("1", 41.35))
    assert forecast.cold_seconds == pytest.approx(40.0)
    assert forecast.cold_starts == 1
    assert forecast.first == NO_FORECAST.first


def test_after_its_first_token_the_model_is_in_memory() -> None:
    facts = [sent("1", 1.0, model="qwen3"), first("1", 41.35)]
    assert mini(*facts).models == (Model("gemma4", loaded=True), Model("qwen3", loaded=True))
    second = cold(*facts, sent("2", 50.0, model="qwen3"), first("2", 50.5))
    assert (second.cold_starts, second.first.samples) == (1, 1)


def test_of_several_that_wait_for_one_load_the_first_to_answer_measures_it() -> None:
    facts = [sent("1", 1.0, model="qwen3"), sent("2", 40.0, model="qwen3"), first("1", 41.0), first("2", 41.5)]
    alone = cold(*facts[:3])
    assert cold(*facts) == alone
    assert alone.cold_starts == 1


def test_a_cold_answer_that_came_all_at_once_measures_the_load_too() -> None:
    facts = [sent("1", 0.0, model="qwen3", streamed=False), done("1", 60.0, tokens=101)]
    spent = NO_FORECAST.first.at(1000) + NO_FORECAST.later_seconds(1, 100)
    assert cold(*facts).cold_seconds == pytest.approx(60.0 - spent)
    assert mini(*facts).models == (Model("gemma4", loaded=True), Model("qwen3", loaded=True))
    followed = [facts[0], sent("2", 30.0, model="qwen3", streamed=False), facts[1]]
    assert cold(*followed, done("2", 61.0)) == cold(*followed)


def test_a_cold_answer_that_nobody_counted_still_shows_that_the_model_is_in_memory() -> None:
    facts = [sent("1", 0.0, model="qwen3", streamed=False), done("1", 60.0, tokens=0)]
    assert cold(*facts).cold_seconds == COLD_PRIOR_SECONDS
    assert mini(*facts).models == (Model("gemma4", loaded=True), Model("qwen3", loaded=True))


def test_a_server_that_slept_is_awake_with_the_first_token() -> None:
    slept = HealthProbed(0.0, "mini", ProbeOutcome.SLEEPING, 1.0)
    facts = [slept, sent("1", 1.0), first("1", 21.0)]
    assert mini(slept).health.sleeping
    assert not mini(*facts).health.sleeping
    assert gemma(*facts).cold_starts == 1
    assert gemma(*facts, sent("2", 22.0), first("2", 22.5)).first.samples == 1


@pytest.mark.parametrize(("begun", "open_seconds"), [([], 8.0), ([first("3", 13.0)], 4.0)])
def test_an_answer_that_breaks_off_tells_a_backend_that_works_from_one_that_does_not(
    begun: list[Fact], open_seconds: float
) -> None:
    gone = [done(str(number), at + 1.0, outcome=Outcome.REFUSED) for number, at in enumerate((0.0, 2.0, 6.0))]
    tried = [sent(str(number), at) for number, at in enumerate((0.0, 2.0, 6.0))]
    before = [fact for pair in zip(tried, gone, strict=True) for fact in pair]
    state = mini(*before, sent("3", 12.0), *begun, done("3", 15.0, outcome=Outcome.TRUNCATED))
    assert state.breaker.open_seconds == open_seconds
