"""The seed's rules at their boundaries; `tests/properties/test_seed_replay.py` compares whole recordings."""

from dataclasses import replace
from math import inf, nextafter

import pytest

from sidecar.baseline import Baseline
from sidecar.facts import BackendSpec
from sidecar.levels import Level
from sidecar.seed import HYBRID, STATUS_API, SeedAnswer, answer
from sidecar.state import BackendState, Status

NOTHING = BackendState(BackendSpec("mlx", ""))
NOW = 100.0


def with_health(health_ms: float, baseline_ms: float = 10.0) -> BackendState:
    return replace(NOTHING, health_ms=health_ms, baseline=Baseline(baseline_ms, 9))


def with_inference(latency_ms: float, age_seconds: float = 0.0, health_ms: float = 10.0) -> BackendState:
    at = NOW - age_seconds
    return replace(
        with_health(health_ms),
        inference_ms=latency_ms,
        inference_at=at,
        good_inference_ms=latency_ms,
        good_inference_at=at,
    )


def asked(state: BackendState, queue: int = 0, *, force: bool = False) -> SeedAnswer:
    return answer(state, queue, NOW, force=force)


def test_before_any_fact_a_backend_is_free_with_a_baseline_of_50() -> None:
    assert asked(NOTHING) == SeedAnswer(Level.FREE, HYBRID, None, None, 0.0, 50.0, None, False)


@pytest.mark.parametrize(
    ("active_jobs", "level"),
    [
        (0, Level.FREE),
        (1, Level.NORMAL),
        (2, Level.BUSY),
        (3, Level.BUSY),
        (4, Level.VERY_BUSY),
        (5, Level.VERY_BUSY),
    ],
)
def test_what_the_backend_says_comes_first_and_is_never_raised_by_the_queue(active_jobs: int, level: Level) -> None:
    state = replace(with_inference(9000.0, health_ms=900.0), status=Status(0.0, active_jobs, 7))
    said = asked(state, queue=9)
    assert (said.load, said.source, said.active_jobs, said.total_requests) == (level, STATUS_API, active_jobs, 7)
    assert said.inference_ms is None
    assert not said.wants_probe


@pytest.mark.parametrize(
    ("inference_ms", "level"),
    [
        (4000.0, Level.FREE),
        (nextafter(4000.0, inf), Level.BUSY),
        (4000.1, Level.BUSY),
        (8000.0, Level.BUSY),
        (nextafter(8000.0, inf), Level.VERY_BUSY),
        (8000.1, Level.VERY_BUSY),
    ],
)
def test_a_cached_inference_latency_sets_the_level(inference_ms: float, level: Level) -> None:
    assert asked(with_inference(inference_ms)).load is level


@pytest.mark.parametrize(
    ("health_ms", "level", "wants"),
    [
        (20.0, Level.FREE, False),
        (20.1, Level.NORMAL, False),
        (30.0, Level.NORMAL, False),
        (30.1, Level.NORMAL, True),
        (50.0, Level.NORMAL, True),
        (50.1, Level.BUSY, True),
    ],
)
def test_health_latency_against_two_three_and_five_times_the_baseline(
    health_ms: float, level: Level, wants: bool
) -> None:
    said = asked(with_health(health_ms))
    assert (said.load, said.wants_probe) == (level, wants)


def test_comparisons_use_the_unrounded_baseline_and_the_answer_the_rounded_one() -> None:
    state = with_health(20.1, baseline_ms=10.051)
    assert asked(state).load is Level.FREE
    assert asked(state).health_baseline_ms == 10.1
    assert asked(with_health(20.1, baseline_ms=10.049)).load is Level.NORMAL


@pytest.mark.parametrize(
    ("age_seconds", "cached", "wants"), [(29.9, 9000.0, False), (30.0, None, False), (30.1, None, True)]
)
def test_a_cached_latency_counts_under_30_s_and_is_old_over_30_s(
    age_seconds: float, cached: float | None, wants: bool
) -> None:
    said = asked(with_inference(9000.0, age_seconds, health_ms=40.0))
    assert (said.inference_ms, said.wants_probe) == (cached, wants)


@pytest.mark.parametrize(
    ("before", "queue", "after"),
    [
        (with_health(10.0), 1, Level.FREE),
        (with_health(10.0), 2, Level.NORMAL),
        (with_health(30.0), 2, Level.BUSY),
        (with_health(60.0), 2, Level.BUSY),
        (with_inference(9000.0), 3, Level.VERY_BUSY),
    ],
)
def test_more_than_one_queued_job_raises_free_and_normal_by_one(before: BackendState, queue: int, after: Level) -> None:
    assert asked(before, queue).load is after


@pytest.mark.parametrize(("age_seconds", "wants"), [(0.0, False), (9.9, False), (10.0, True), (11.0, True)])
def test_by_force_a_probe_is_wanted_unless_one_ran_in_the_last_10_s(age_seconds: float, wants: bool) -> None:
    assert asked(with_inference(100.0, age_seconds), force=True).wants_probe is wants


def test_by_force_suspicion_is_enough_though_a_probe_ran_a_moment_ago() -> None:
    suspicious = replace(with_health(31.0), inference_ms=-1.0, inference_at=NOW - 1)
    assert asked(suspicious, force=True).wants_probe
    assert asked(suspicious).wants_probe


def test_by_force_a_failed_probe_also_ran() -> None:
    failed = replace(NOTHING, inference_ms=-1.0, inference_at=NOW - 5)
    assert not asked(failed, force=True).wants_probe
    assert asked(NOTHING, force=True).wants_probe


def test_a_failed_probe_is_nothing_and_leaves_the_cache_as_it_was() -> None:
    state = replace(with_inference(4200.0, 5.0), inference_ms=-1.0, inference_at=NOW)
    assert asked(state).inference_ms == 4200.0
    assert asked(state).load is Level.BUSY
