"""The home of hypothesis strategies for facts, rules and recordings; `tests.states` has those for what follows."""

import itertools
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from sidecar.engines import ENGINES
from sidecar.engines.engine import Model, ModelKind, Reading
from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    BackendSpec,
    DrainSwitched,
    EngineIdentified,
    Fact,
    FirstTokenCame,
    HealthProbed,
    InferenceProbed,
    LoadAsked,
    LoadEnded,
    LoadRead,
    ModelsListed,
    MonitorFailed,
    Outcome,
    ProbeOutcome,
    QueueChanged,
    RequestFinished,
    RequestStarted,
    StatusRead,
)
from sidecar.levels import NEVER, REMEMBERED
from sidecar.load import LoadRules
from sidecar.progress import Rhythm
from sidecar.recording import Entry, Query, RulesInForce

NAMES = ("mini", "mlx", "ollama-gpu")
REQUESTS = ("1", "2", "3")
URLS = ("http://10.0.0.1:8080", "http://10.0.0.2:8080")

names = st.sampled_from(NAMES)
counts = st.integers(min_value=0, max_value=40)
latencies_ms = st.one_of(
    st.floats(min_value=0, max_value=60_000),
    st.integers(min_value=0, max_value=600_000).map(lambda tenths: tenths / 10),
    st.sampled_from(
        [9.94, 9.95, 10.0, 12.34, 12.35, 50.0, 249.9, 250.0, 250.1, 3999.9, 4000.0, 4000.1, 8000.0, 8000.1]
    ),
)
ratios = st.floats(min_value=0, max_value=1)

specs = st.builds(
    BackendSpec,
    name=names,
    url=st.sampled_from(URLS),
    engine=st.sampled_from(["auto", *ENGINES]),
    slots=st.none() | st.integers(min_value=1, max_value=64),
    weight=st.sampled_from([0.5, 1.0, 3.0]),
    tier=st.integers(min_value=0, max_value=2),
    models=st.dictionaries(st.sampled_from(["classifier", "reasoner"]), st.sampled_from(["gemma4", "auto"])),
    metrics=st.dictionaries(st.sampled_from(["running", "kv_usage"]), st.sampled_from(['jobs{state="on"}', "cache"])),
    metrics_path=st.none() | st.just(":8002/metrics"),
    discovered=st.booleans(),
    simulated=st.booleans(),
)
readings = st.builds(
    Reading,
    running=st.none() | counts,
    waiting=st.none() | counts,
    kv_usage_ratio=st.none() | ratios,
    slots=st.none() | counts,
    total_requests=st.none() | counts,
)
models = st.builds(
    Model,
    name=st.sampled_from(["gemma4", "qwen3:30b", "bge-m3"]),
    kind=st.sampled_from(ModelKind),
    parameters=st.none() | st.sampled_from([4e9, 3e10]),
    size_bytes=st.none() | counts,
    loaded=st.none() | st.booleans(),
    loading=st.booleans(),
    expires_in_seconds=st.none() | st.sampled_from([0.0, 10.0, 300.0]),
)

_anytime = st.just(0.0)
_requests = st.sampled_from(REQUESTS)
_starts = st.builds(
    RequestStarted,
    _anytime,
    names,
    _requests,
    model=st.sampled_from(["", "gemma4", "qwen3:30b"]),
    role=st.sampled_from(["", "classifier", "reasoner"]),
    prompt_tokens=st.sampled_from([0, 1, 1000]) | st.integers(0, 100_000),
    streamed=st.booleans(),
    predicted_seconds=st.none() | st.floats(0, 60),
    blocks=st.sampled_from([(), (), (1, 2, 3), (1, 2, 4, 5)]),
)
_ends = st.builds(
    RequestFinished,
    _anytime,
    names,
    _requests,
    st.sampled_from([Outcome.OK, *Outcome]),
    output_tokens=st.sampled_from([0, 1, 2, 9]) | st.integers(0, 5000),
    retry_after_seconds=st.none() | st.floats(0, 30),
    last_token_at=st.none() | st.sampled_from([0.0, -0.5]),
)
facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(BackendAdded, _anytime, specs),
    st.builds(BackendRemoved, _anytime, names),
    st.builds(EngineIdentified, _anytime, names, st.sampled_from([*ENGINES]), st.none() | st.just("0.9")),
    st.builds(ModelsListed, _anytime, names, st.lists(models, max_size=3).map(tuple)),
    st.builds(HealthProbed, _anytime, names, st.sampled_from(ProbeOutcome), latencies_ms),
    st.builds(StatusRead, _anytime, names, st.none() | counts, st.none() | counts),
    st.builds(LoadRead, _anytime, names, readings),
    st.builds(InferenceProbed, _anytime, names, st.just(-1.0) | latencies_ms),
    st.builds(QueueChanged, _anytime, st.integers(min_value=0, max_value=4)),
    st.builds(MonitorFailed, _anytime, names),
    st.builds(DrainSwitched, _anytime, names, st.booleans()),
    st.builds(LoadAsked, _anytime, names, st.just("gemma4")),
    st.builds(LoadEnded, _anytime, names, st.just("gemma4")),
    _starts,
    _starts,
    st.builds(FirstTokenCame, _anytime, names, _requests),
    st.builds(FirstTokenCame, _anytime, names, _requests),
    _ends,
    _ends,
)
"""Any fact about any of a few backends, known or not, at the moment 0. Work, of which most follows, comes often."""
pauses_seconds = st.sampled_from([0.0, 0.1, 1.0, 9.9, 10.0, 14.9, 15.0, 15.1, 29.9, 30.0, 30.1]) | st.floats(0, 40)
"""Those after which things begin or cease to count among them."""


def histories(max_size: int = 40) -> st.SearchStrategy[list[Fact]]:
    """Facts in the order of time. They often begin with the backends' coming, as in life."""
    first = st.lists(st.builds(BackendAdded, _anytime, specs), max_size=3)
    later = st.lists(st.tuples(pauses_seconds, facts), max_size=max_size)
    return st.builds(_in_time, first, later)


def _in_time(first: list[BackendAdded], later: list[tuple[float, Fact]]) -> list[Fact]:
    moments = itertools.accumulate(pause for pause, _ in later)
    return [*first, *(_moved_to(at, fact) for at, (_, fact) in zip(moments, later, strict=True))]


def flights() -> st.SearchStrategy[list[Fact]]:
    """Histories of backends that are there, and of requests each of which begins, mostly gets tokens, and ends."""
    added = [BackendAdded(0.0, BackendSpec(name, URLS[0])) for name in NAMES[:2]]
    listed = [ModelsListed(0.0, name, (Model("gemma4"), Model("qwen3:30b", loaded=False))) for name in NAMES[:2]]
    aside = st.lists(st.tuples(st.floats(100, 160), facts.filter(_is_about_no_request)), max_size=6)
    lives = st.lists(_lives, max_size=10)
    past = st.sampled_from([[], _past()])
    return st.builds(lambda was, lived, others: [*added, *listed, *was, *_merged(lived, others)], past, lives, aside)


def _past() -> list[Fact]:
    """Enough requests for their backends to be known, the longer the slower."""
    lived: list[_Life] = []
    for number, name in enumerate([*NAMES[:2]] * 8):
        sent = RequestStarted(0.0, "", "", "gemma4", "reasoner", 100 * number, streamed=True, blocks=(1, 2, 3))
        ended = RequestFinished(0.0, "", "", Outcome.OK, 90)
        lived.append((name, 5.0 * number, 0.2 + 0.01 * number, 4.0, sent, ended))
    return _merged(lived, [], "past")


_Life = tuple[str, float, float | None, float, RequestStarted, RequestFinished]
_lives: st.SearchStrategy[_Life] = st.tuples(
    st.sampled_from(NAMES[:2]),
    st.sampled_from([100.0, 105.0]) | st.floats(100, 160),
    st.none() | st.sampled_from([0.0, 0.3, 0.3, 9.0]) | st.floats(0, 30),
    st.sampled_from([0.0, 2.0, 2.0]) | st.floats(0, 30),
    _starts,
    _ends,
)
"""Backend, start, seconds to the first token, seconds of the rest; and how it was asked and ended."""


def _is_about_no_request(fact: Fact) -> bool:
    return not isinstance(fact, RequestStarted | FirstTokenCame | RequestFinished | BackendRemoved)


def _merged(lived: list[_Life], others: list[tuple[float, Fact]], prefix: str = "") -> list[Fact]:
    told = [(at, _moved_to(at, fact)) for at, fact in others]
    for number, (name, begin, wait, run, sent, ended) in enumerate(lived):
        request = f"{prefix}{number}"
        first = begin + (wait or 0.0)
        end = first + run
        last_token_at = None if ended.last_token_at is None else end + ended.last_token_at
        told.append((begin, replace(sent, at=begin, backend=name, request=request)))
        if wait is not None:
            told.append((first, FirstTokenCame(first, name, request)))
        told.append((end, replace(ended, at=end, backend=name, request=request, last_token_at=last_token_at)))
    return [fact for _, fact in sorted(told, key=lambda one: one[0])]


def _moved_to(at: float, fact: Fact) -> Fact:
    if isinstance(fact, RequestFinished) and fact.last_token_at is not None:
        return replace(fact, at=at, last_token_at=at + fact.last_token_at)
    return replace(fact, at=at)


def steps(most: float) -> st.SearchStrategy[tuple[float, float, float]]:
    """Three thresholds that never fall, some of them out of reach."""
    values = st.floats(min_value=0, max_value=most) | st.just(NEVER)
    return st.tuples(values, values, values).map(_rising)


def _rising(values: tuple[float, float, float]) -> tuple[float, float, float]:
    low, middle, high = sorted(values)
    return low, middle, high


load_rules = st.builds(
    LoadRules,
    slowdown=steps(8),
    silence_times_bearable=steps(4),
    active_jobs_per_slot=steps(8),
    waiting_requests=steps(8),
    kv_usage_ratio=steps(1),
    inference_seconds=steps(20),
    health_times_baseline=steps(10),
    health_floor_seconds=st.floats(min_value=0, max_value=2),
    probe_age_seconds=steps(600),
    queue_active=st.integers(min_value=0, max_value=3),
    hysteresis_ratio=st.sampled_from([0.0, 0.12, 0.5]),
    inference_timeout_seconds=st.floats(min_value=0.1, max_value=60),
)

held = st.dictionaries(st.sampled_from(sorted(map(str, REMEMBERED))), st.integers(1, 3), max_size=4)
rhythms = st.builds(
    Rhythm,
    last_token_at=st.none() | st.floats(0, 1e9),
    gap_seconds=st.none() | st.floats(0, 10),
    prompts_per_token=st.floats(0, 1000),
    held=held,
    so_far=st.dictionaries(_requests, st.integers(1, 5000), max_size=2),
)
entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(lambda fact, at: replace(fact, at=at), facts, st.floats(0, 1e9)),
    st.builds(Query, at=st.floats(0, 1e9) | st.integers(0, 10**12), backend=names, rhythm=rhythms),
    st.builds(RulesInForce, at=st.floats(0, 1e9), failures_to_down=st.integers(1, 9), rules=load_rules),
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
