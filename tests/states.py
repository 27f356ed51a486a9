"""Hypothesis strategies for what a store knows: states of backends and snapshots at one moment."""

from dataclasses import replace
from math import inf, nextafter

from hypothesis import strategies as st

from sidecar.baseline import Baseline, IdleBaseline
from sidecar.breaker import Breaker
from sidecar.ceiling import Ceiling
from sidecar.engines import ENGINES
from sidecar.engines.engine import Model, Reading
from sidecar.facts import (
    BackendSpec,
    Outcome,
    ProbeOutcome,
    RequestStarted,
)
from sidecar.health import Health, Verdict
from sidecar.lengths import NO_LENGTHS, Lengths
from sidecar.predict import NO_FORECAST, TRUSTED_SAMPLES, Forecast
from sidecar.progress import Progress, Pulse, Rhythm
from sidecar.requests import started
from sidecar.state import BackendState, Outside, Snapshot, Status
from sidecar.turnover import Turnover
from sidecar.usual import NOTHING_USUAL, Usual
from sidecar.work import Work
from tests.strategies import NAMES, counts, held, latencies_ms, readings, specs

NOW = 1000.0
"""The moment at which the states below are looked at."""


def _work(running: int, due_prompts: list[int], streamed: bool, finished: dict[Outcome, int]) -> Work:
    """Some that get tokens, and streams whose first token is due."""
    here = running + len(due_prompts)
    streams = len(due_prompts) + (running if streamed else 0)
    return Work(
        started=here + sum(finished.values()),
        in_flight=here,
        ends={("m", outcome): number for outcome, number in finished.items()},
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
    ceiling: Ceiling | None,
    turnover: Turnover,
    slots_per_model: bool,
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
        ceiling=ceiling,
        turnover=turnover,
        slots_per_model=slots_per_model,
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
    st.none() | st.builds(Ceiling, st.none() | _lately, _lately, _lately, st.none() | st.floats(1, 64)),
    st.builds(Turnover, st.floats(0, 9), st.integers(0, 20), st.none() | _lately, _lately),
    st.booleans(),
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
