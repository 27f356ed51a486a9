from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.ceiling import Ceiling
from sidecar.engines import ENGINES
from sidecar.engines.engine import Reading
from sidecar.facts import BackendSpec
from sidecar.slots import known_slots, likely_slots, sharing, spare_slots, sure_slots, told_slots
from sidecar.state import READING_COUNTS_SECONDS, BackendState, Outside
from sidecar.work import Share, Work
from tests.states import NOW, states

MINI = BackendSpec("mini", "http://10.0.0.1:8080")


def state(
    configured: int | None = None,
    said: int | None = None,
    inferred: float | None = None,
    assumed: int | None = None,
    shown: float | None = None,
    age_seconds: float = 0.0,
) -> BackendState:
    at = NOW - age_seconds
    return BackendState(
        replace(MINI, slots=configured),
        reading=Reading(slots=said),
        inferred_slots=inferred,
        assumed_slots=assumed,
        ceiling=Ceiling(at - 9, at, at, shown),
        outside=Outside(at, 0, 0),
    )


@pytest.mark.parametrize(
    ("of", "told", "known", "likely", "spare"),
    [
        (state(), None, None, inf, 1),
        (state(assumed=4), None, 4, 4, 1),
        (state(inferred=2.6, assumed=4), None, 3, 2.6, 1),
        (state(inferred=1.2), None, 1, 1.2, 1),
        (state(said=8, inferred=2.6, assumed=4), 8, 8, 8, 0),
        (state(configured=2, said=8, inferred=2.6, assumed=4), 2, 2, 2, 0),
        # A server that says 0 has not said how many.
        (state(said=0), None, None, inf, 1),
        (state(said=0, inferred=2.6), None, 3, 2.6, 1),
        (state(said=0, assumed=4), None, 4, 4, 1),
        # One that says that others wait has.
        (state(shown=16, inferred=2.6, assumed=256), None, 3, 16, 3),
        (state(shown=16, assumed=256, age_seconds=READING_COUNTS_SECONDS), None, 256, 16, 3),
        (state(shown=16, assumed=256, age_seconds=READING_COUNTS_SECONDS + 0.1), None, 256, 256, 1),
        (state(shown=16, said=8), 8, 8, 8, 0),
        (state(shown=16, configured=8), 8, 8, 8, 0),
    ],
)
def test_the_operator_then_the_backend_then_what_was_seen_then_the_engine(
    of: BackendState, told: int | None, known: int | None, likely: float, spare: float
) -> None:
    assert (told_slots(of), known_slots(of), likely_slots(of, NOW), spare_slots(of, NOW)) == (
        told,
        known,
        likely,
        spare,
    )


@pytest.mark.parametrize(
    ("of", "sure"),
    [
        (state(inferred=2.6, assumed=4), None),
        (state(said=8, shown=4), 8),
        (state(inferred=2.6, shown=4), 4),
        (state(shown=4, age_seconds=90.0), None),
    ],
)
def test_what_was_only_inferred_is_not_sure(of: BackendState, sure: float | None) -> None:
    assert sure_slots(of, NOW) == sure


@given(states)
def test_what_is_known_is_at_least_one_and_agrees_with_what_is_reckoned_with(of: BackendState) -> None:
    known, likely = known_slots(of), likely_slots(of, NOW)
    assert likely >= 1
    if of.ceiling is None:
        assert (known is None) is (likely == inf)
        assert known is None or abs(known - likely) <= 0.5


WORK = (
    Work()
    .after_start(1.0, 10, streamed=True, model="gemma4")
    .after_first_token(2.0, 10, "gemma4")
    .after_start(3.0, 10, streamed=True, model="gemma4")
    .after_start(4.0, 10, streamed=False, model="qwen3")
)


@pytest.mark.parametrize(
    ("engine", "model", "share"),
    [
        ("vllm", "gemma4", Share(3, 2, 1)),
        ("vllm", "unheard-of", Share(3, 2, 1)),
        (None, "gemma4", Share(3, 2, 1)),
        ("ollama", "gemma4", Share(2, 1, 1)),
        ("ollama", "gemma4:latest", Share(2, 1, 1)),
        ("ollama", "qwen3", Share(1, 1, 0)),
        ("ollama", "unheard-of", Share(0, 0, 0)),
    ],
)
def test_the_models_of_an_ollama_do_not_share_their_slots(engine: str | None, model: str, share: Share) -> None:
    per_model = engine is not None and ENGINES[engine].slots_per_model
    assert sharing(BackendState(MINI, slots_per_model=per_model, work=WORK), model) == share


@given(states, st.sampled_from(["gemma4", "qwen3:30b"]))
def test_who_shares_slots_is_never_more_than_all(of: BackendState, model: str) -> None:
    found, work = sharing(of, model), of.work
    assert found.in_flight <= work.in_flight
    assert of.slots_per_model or found == Share(work.in_flight, work.running, work.streaming)
