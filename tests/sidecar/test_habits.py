from collections.abc import Iterable
from dataclasses import replace

import pytest

from sidecar.engines.engine import Model, Reading
from sidecar.facts import (
    BackendAdded,
    BackendSpec,
    Fact,
    FirstTokenCame,
    HealthProbed,
    LoadRead,
    ModelsListed,
    Outcome,
    ProbeOutcome,
    RequestFinished,
    RequestStarted,
)
from sidecar.lengths import NO_LENGTHS
from sidecar.store import Store
from sidecar.usual import NOTHING_USUAL, Usual

MINI = BackendSpec("mini", "http://10.0.0.1:8080")


def sent(request: str, at: float, prompt: int = 100, streamed: bool = True, model: str = "gemma4") -> RequestStarted:
    return RequestStarted(at, "mini", request, model, "reasoner", prompt, streamed)


def first(request: str, at: float) -> FirstTokenCame:
    return FirstTokenCame(at, "mini", request)


def done(request: str, at: float, tokens: int = 101, outcome: Outcome = Outcome.OK) -> RequestFinished:
    return RequestFinished(at, "mini", request, outcome, tokens, last_token_at=at)


def gemma(*facts: Fact, spec: BackendSpec = MINI) -> Usual:
    store = Store()
    begin: Iterable[Fact] = (BackendAdded(0.0, spec), HealthProbed(0.0, "mini", ProbeOutcome.OK, 5.0))
    for fact in (*begin, *facts):
        store.apply(fact)
    return store.snapshot(0.0).backends["mini"].usual_of("gemma4")


ONE = [sent("1", 1.0), first("1", 1.5)]


def test_a_first_token_is_a_sample_of_the_prompts_before_it() -> None:
    assert gemma(*ONE) == NOTHING_USUAL.after_first_token(1.5, 100, 0.5)
    both = gemma(sent("1", 1.0, prompt=600), sent("2", 1.5, prompt=50), first("2", 2.0))
    assert both == NOTHING_USUAL.after_first_token(2.0, 650, 0.5)


def test_later_tokens_are_a_sample_of_the_company_they_came_in() -> None:
    alone = gemma(*ONE, done("1", 4.0))
    assert alone == gemma(*ONE).after_answer(4.0, 1.0, 2.5, 100, 0)
    joined = [sent("2", 2.0, prompt=700), first("2", 2.75)]
    known = gemma(*ONE, *joined)
    assert gemma(*ONE, *joined, done("1", 4.0)) == known.after_answer(4.0, 1.5, 2.5, 100, 700)


def test_others_clients_are_company_and_are_taken_to_have_prompts_as_is_usual() -> None:
    reading = LoadRead(0.5, "mini", Reading(running=3))
    known = gemma(reading, *ONE)
    ratio = NO_LENGTHS.after(101, 100).mean_prompt / NO_LENGTHS.after(101, 100).mean
    expected = known.after_answer(4.0, 4.0, 2.5, 100, 3 * ratio * 100)
    assert gemma(reading, *ONE, done("1", 4.0)).later.line == expected.later.line


def test_a_second_first_token_says_nothing() -> None:
    assert gemma(*ONE, first("1", 9.0)) == gemma(*ONE)


def test_models_are_learnt_apart() -> None:
    assert gemma(sent("1", 1.0, model="qwen9"), first("1", 1.5)) == NOTHING_USUAL


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
def test_a_request_that_failed_measures_nothing(outcome: Outcome) -> None:
    measures = outcome in (Outcome.OVERLONG, Outcome.CLIENT_GONE)
    assert (gemma(*ONE, done("1", 4.0, outcome=outcome)) != gemma(*ONE)) is measures


def test_who_waited_for_a_slot_that_was_known_to_be_taken_measures_no_first_token() -> None:
    spec = replace(MINI, slots=1)
    assert gemma(*ONE, spec=spec) == NOTHING_USUAL.after_first_token(1.5, 100, 0.5)
    assert gemma(*ONE, sent("2", 2.0), first("2", 9.0), spec=spec) == gemma(*ONE, spec=spec)


def test_who_waited_for_the_model_measures_no_first_token() -> None:
    cold = ModelsListed(0.5, "mini", (Model("gemma4", loaded=False),))
    assert gemma(cold, *ONE) == NOTHING_USUAL
    assert gemma(cold, *ONE, done("1", 4.0)).later.seen.samples == 1


def test_an_answer_that_came_all_at_once_measures_the_sum() -> None:
    facts = [sent("1", 1.0, streamed=False), done("1", 4.0)]
    assert gemma(*facts) == NOTHING_USUAL.after_whole(4.0, 100, 1.0, 3.0, 101)
    refused = [sent("1", 1.0, streamed=False), done("1", 4.0, outcome=Outcome.CALLER_ERROR)]
    uncounted = [sent("1", 1.0, streamed=False), done("1", 4.0, tokens=0)]
    queued = [sent("0", 0.5), *facts]
    assert gemma(*refused) == gemma(*uncounted) == gemma(*queued, spec=replace(MINI, slots=1)) == NOTHING_USUAL


def test_a_backend_that_moved_meanwhile_is_another_machine() -> None:
    moved = BackendAdded(1.2, replace(MINI, url="http://10.0.0.2:8080"))
    facts = [sent("1", 1.0), moved, first("1", 1.5), done("1", 4.0)]
    assert gemma(*facts) == NOTHING_USUAL


def test_an_answer_without_time_or_tokens_measures_nothing() -> None:
    assert gemma(*ONE, done("1", 1.5)) == gemma(*ONE)
    assert gemma(*ONE, done("1", 4.0, tokens=1)) == gemma(*ONE)
    assert gemma(sent("1", 1.0), done("1", 4.0)) == NOTHING_USUAL
