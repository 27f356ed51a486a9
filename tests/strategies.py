"""The one home of hypothesis strategies: facts, states, rules and recordings of the sidecar."""

import itertools
from dataclasses import replace
from math import inf, nextafter
from typing import Any

from hypothesis import strategies as st

from sidecar.baseline import Baseline, IdleBaseline
from sidecar.breaker import Breaker
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
from sidecar.health import Health, Verdict
from sidecar.lengths import NO_LENGTHS, Lengths
from sidecar.levels import NEVER, REMEMBERED
from sidecar.load import LoadRules
from sidecar.predict import NO_FORECAST, TRUSTED_SAMPLES, Forecast
from sidecar.progress import Progress, Pulse, Rhythm
from sidecar.recording import Entry, Query, RulesInForce
from sidecar.requests import started
from sidecar.state import BackendState, Outside, Snapshot, Status
from sidecar.usual import NOTHING_USUAL, Usual
from sidecar.work import Work

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

NOW = 1000.0
"""The moment at which the states below are looked at."""


def _work(running: int, due_prompts: list[int], streamed: bool, finished: dict[Outcome, int]) -> Work:
    """Some that get tokens, and streams whose first token is due."""
    here = running + len(due_prompts)
    streams = len(due_prompts) + (running if streamed else 0)
    return Work(
        started=here + sum(finished.values()),
        in_flight=here,
        finished=finished,
        awaited=len(due_prompts),
        due_tokens=sum(due_prompts),
        running=running,
        silent_since=NOW - 3 if streams else None,
        streams=streams,
    )


works = st.builds(
    _work, counts, st.lists(counts, max_size=3), st.booleans(), st.dictionaries(st.sampled_from(Outcome), counts)
)
_lately = st.sampled_from([NOW - 90, NOW - 30, NOW - 15.1, NOW - 15, NOW - 1, NOW]) | st.floats(NOW - 60, NOW)
breakers = st.sampled_from(
    [
        Breaker(),
        Breaker(full_until=NOW),
        Breaker(full_until=NOW + 1),
        *(Breaker(openings, opened_at=NOW - 1) for openings in (1, 2, 7)),
        Breaker(1, opened_at=NOW - 1, trial="1"),
        *(Breaker(2, opened_at=NOW - 90, closed_at=NOW - ago) for ago in (0, 15, 30)),
    ]
)


def _forecast(first: list[tuple[int, float]], later: list[tuple[int, float]], cold_seconds: float) -> Forecast:
    forecast = replace(NO_FORECAST, cold_seconds=cold_seconds)
    for prompt, seconds in first:
        forecast = forecast.after_first_token(prompt, seconds)
    for sequences, seconds in later:
        forecast = forecast.after_answer(sequences, seconds, 100)
    return forecast


forecasts = st.sampled_from(
    [
        NO_FORECAST,
        *(
            _forecast([(prompt, seconds)] * many, [(sequences, seconds)] * 2, 9 * seconds)
            for prompt, seconds in ((0, 0.0), (1000, 0.4), (9000, 60.0))
            for many in (TRUSTED_SAMPLES - 1, TRUSTED_SAMPLES)
            for sequences in (1, 16)
        ),
    ]
)


def _learnt(
    state: BackendState,
    breaker: Breaker,
    draining: bool,
    known: dict[str, Forecast],
    inferred_slots: float | None,
    outside: Outside | None,
) -> BackendState:
    return replace(
        state,
        breaker=breaker,
        draining=draining,
        forecasts=known,
        last_model=next(iter(known), None),
        last_role="reasoner" if known else "",
        inferred_slots=inferred_slots,
        outside=outside,
        models=tuple(Model(name, loaded=place % 2 == 0) for place, name in enumerate(known)) or None,
    )


def _pulse(work: Work, rhythm: Rhythm) -> Pulse:
    """Cells for as many as run; the first of them has the tokens."""
    pulse = Pulse()
    streamed = work.streams > work.awaited
    sent = RequestStarted(NOW - 9, "mini", "0", "gemma4", "reasoner", 10, streamed)
    booking, _ = started(BackendState(BackendSpec("mini", "")), sent)
    for number in range(work.running):
        place = Progress(NOW - 9, pulse, booking)
        place.first_at = NOW - 5 if streamed else None
        pulse.places[str(number)] = place
    pulse.recall(rhythm)
    return pulse


_edges = st.sampled_from([None, *((times, way) for times in (2, 3, 5) for way in (0.0, None, inf))])


def _state(
    spec: BackendSpec,
    health: Health,
    probed: tuple[float, float] | None,
    baseline: Baseline,
    edge: tuple[int, float | None] | None,
    read: tuple[Status | None, Reading, float | None],
    inferred: tuple[float, float] | None,
    told: tuple[str | None, str | None, int | None],
) -> BackendState:
    health_ms, health_at = probed or (None, None)
    if health_ms is not None and edge is not None:
        times, way = edge
        exact = health_ms / times
        baseline = Baseline(max(10.0, exact if way is None else nextafter(exact, way)), 5)
    status, reading, reading_at = read
    inference_ms, inference_at = inferred or (None, None)
    engine, version, slots = told
    return BackendState(
        spec,
        engine=engine,
        engine_version=version,
        assumed_slots=slots,
        health=health,
        health_ms=health_ms,
        health_at=health_at,
        baseline=baseline,
        status=status,
        reading=reading,
        reading_at=reading_at,
        inference_ms=inference_ms,
        inference_at=inference_at,
    )


_bare_states = st.builds(
    _state,
    specs,
    st.builds(Health, st.sampled_from([*Verdict, Verdict.UP, Verdict.UP]), st.integers(0, 3), st.just(False))
    | st.sampled_from(
        [Health(Verdict.UP, loading=True), Health(Verdict.UP, sleeping=True), Health(Verdict.UP, suspended=True)]
    ),
    st.none() | st.tuples(latencies_ms, _lately),
    st.builds(Baseline, st.floats(10, 500), st.integers(0, 9)),
    _edges,
    st.tuples(st.none() | st.builds(Status, _lately, counts, counts), readings, st.none() | _lately),
    st.none() | st.tuples(st.just(-1.0) | latencies_ms, _lately),
    st.tuples(
        st.none() | st.sampled_from([*ENGINES]),
        st.none() | st.sampled_from(["0.31.2", "b1-dirty", "<html>"]),
        st.none() | st.integers(1, 32),
    ),
)
_learnt_states = st.builds(
    _learnt,
    _bare_states,
    breakers,
    st.booleans(),
    st.dictionaries(st.sampled_from(["gemma4", "qwen3:30b"]), forecasts, max_size=2),
    st.none() | st.floats(1, 32),
    st.none() | st.builds(Outside, _lately, st.integers(0, 8), st.integers(0, 8)),
)


def _usual(first_seconds: float, token_seconds: float, samples: int) -> Usual:
    usual = NOTHING_USUAL
    for number in range(samples):
        usual = usual.after_first_token(NOW - 60 + number, 1000, first_seconds)
        usual = usual.after_answer(NOW - 60 + number, 1 + number % 3, 100 * token_seconds, 100)
    return usual


usuals = st.sampled_from(
    [NOTHING_USUAL, *(_usual(first, 0.02, samples) for first in (0.1, 2.0) for samples in (TRUSTED_SAMPLES - 1, 30))]
)


def _idle_baseline(latencies: list[float]) -> IdleBaseline:
    baseline = IdleBaseline()
    for latency_ms in latencies:
        baseline = baseline.after(latency_ms)
    return baseline


idle_baselines = st.sampled_from(
    [IdleBaseline(), *(_idle_baseline([latency, latency * 2] * 3) for latency in (3.0, 100.0, 400.0))]
)


def _with_habits(
    state: BackendState, usual: dict[str, Usual], idle_baseline: IdleBaseline, before_ms: float | None
) -> BackendState:
    return replace(state, usual=usual, idle_baseline=idle_baseline, health_before_ms=before_ms)


_habitual_states = st.builds(
    _with_habits,
    _learnt_states,
    st.dictionaries(st.sampled_from(["gemma4", "qwen3:30b"]), usuals, max_size=2),
    idle_baselines,
    st.none() | latencies_ms,
)
states: st.SearchStrategy[BackendState] = st.builds(
    lambda state, work, probes, errors: replace(state, work=work, probes=probes, monitor_errors=errors),
    _habitual_states,
    works,
    st.dictionaries(st.sampled_from(ProbeOutcome), counts, max_size=2),
    counts,
)
"""Any state of one backend at `NOW`; its health latency often stands at a threshold or one double beside it."""


def _lengths(answers: list[int]) -> Lengths:
    lengths = NO_LENGTHS
    for tokens in answers:
        lengths = lengths.after(tokens)
    return lengths


held = st.dictionaries(st.sampled_from(sorted(map(str, REMEMBERED))), st.integers(1, 3), max_size=4)
_rhythms_lately = st.builds(
    Rhythm,
    last_token_at=st.none() | _lately,
    gap_seconds=st.none() | st.floats(0, 5),
    prompts_per_token=st.sampled_from([0.0, 5.0, 400.0]),
    so_far=st.dictionaries(st.sampled_from("012"), st.integers(1, 900), max_size=3),
    held=held,
)
lengths_of_roles = st.dictionaries(
    st.sampled_from(["reasoner", "classifier"]),
    st.sampled_from([_lengths([]), _lengths([1] * 30), _lengths([9, 3000])]),
    max_size=2,
)


def _snapshot(
    found: list[BackendState], queue: int, rhythms: list[Rhythm], lengths: dict[str, Lengths], moving: bool
) -> Snapshot:
    named = {
        name: replace(state, spec=replace(state.spec, name=name)) for name, state in zip(NAMES, found, strict=False)
    }
    beating = zip(named, rhythms, strict=False) if moving else ()
    pulses = {name: _pulse(named[name].work, rhythm) for name, rhythm in beating}
    return Snapshot(NOW, named, queue, 1, pulses, lengths)


snapshots: st.SearchStrategy[Snapshot] = st.builds(
    _snapshot,
    st.lists(states, max_size=2),
    st.integers(0, 4),
    st.lists(_rhythms_lately, min_size=2, max_size=2),
    lengths_of_roles,
    st.booleans(),
)
"""Up to two backends at `NOW`, with or without cells that say how their streams go."""

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
