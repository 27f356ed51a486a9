from dataclasses import replace

import orjson
from hypothesis import given

from sidecar.baseline import Baseline
from sidecar.breaker import Breaker
from sidecar.engines.engine import Model, Reading
from sidecar.facts import BackendSpec, Outcome, ProbeOutcome
from sidecar.first_tokens import FirstTokens
from sidecar.health import Health, Verdict
from sidecar.load import DEFAULT_RULES, LoadRules, classify
from sidecar.memory import Memory
from sidecar.predict import NO_FORECAST, TRUSTED_SAMPLES, TYPICAL_PROMPT_TOKENS
from sidecar.progress import Pulse
from sidecar.state import BackendState, Failure, Outside, Snapshot, Status
from sidecar.usual import NOTHING_USUAL
from sidecar.views import backends_json, status_json
from sidecar.work import Work
from tests.states import NOW, snapshots
from tests.strategies import load_rules

MINI = BackendSpec("mini", "http://10.0.0.1:8080", api_key="sk-secret", models={"reasoner": "gemma4"})
UP = BackendState(
    MINI,
    engine="ollama",
    engine_version="0.31.2",
    models=(Model("gemma4"),),
    health=Health(Verdict.UP),
    health_ms=12.3,
    health_at=NOW - 2,
    baseline=Baseline(12.34, 3),
    work=Work(5, 1, {("gemma4", Outcome.OK): 1, ("other", Outcome.OK): 3}),
    probe_outcome=ProbeOutcome.OK,
    first_tokens=FirstTokens(0.4123, 0.4, NOW - 3),
    last_failure=Failure(NOW - 30, Outcome.TIMEOUT),
)


def snapshot(*states: BackendState, pulses: dict[str, Pulse] | None = None) -> Snapshot:
    return Snapshot(NOW, {state.name: state for state in states}, 0, 1, pulses or {})


def beaten(at: float, tokens: int) -> Pulse:
    """The pulse of a backend that has sent so many tokens, the last of them at `at`."""
    pulse = Pulse()
    pulse.last_token_at, pulse.tokens = at, tokens
    return pulse


def test_a_backend_says_who_it_is_how_it_feels_and_how_busy_it_is() -> None:
    [told] = backends_json(snapshot(UP, pulses={"mini": beaten(NOW - 0.5, 812)}), DEFAULT_RULES)
    load = told.pop("load")
    assert told == {
        "name": "mini",
        "url": "http://10.0.0.1:8080",
        "engine": "ollama",
        "engine_version": "0.31.2",
        "roles": {"reasoner": "gemma4"},
        "models": ["gemma4"],
        "discovered": False,
        "simulated": False,
        "memory": [],
        "state": "ready",
        "verdict": "up",
        "healthy": True,
        "loading": False,
        "sleeping": False,
        "suspended": False,
        "latency_ms": 12.3,
        "draining": False,
        "circuit": "closed",
        "resting_seconds": None,
        "predicted": {"model": None, "ttft_ms": None, "slowdown": None, "slots": None, "inferred": False},
        "outside": {"running": None, "waiting": None},
        "in_flight": 1,
        "started": 5,
        "finished": {"ok": 4},
        "last_failure": {"outcome": "timeout", "seconds_ago": 30.0},
        "first_token": {"predicted_ms": 400.0, "measured_ms": 412.3, "seconds_ago": 3.0},
        "tokens": 812,
        "last_token_seconds_ago": 0.5,
        "probe_outcome": "ok",
        "probe_seconds_ago": 2.0,
    }
    assert load == {
        "level": "normal",
        "level_ko": "보통",
        "set_by": "in_flight",
        "source": "hybrid",
        "active_jobs": None,
        "total_requests": None,
        "waiting": None,
        "kv_usage_ratio": None,
        "slots": None,
        "health_ms": 12.3,
        "health_baseline_ms": 12.3,
        "inference_ms": None,
        "measured": False,
        "signals": {"in_flight": 1.0, "health_latency": 0.0123, "probe_age": 2.0, "queue": 0.0},
        "thresholds": {
            "in_flight": [1.0, 2.0, 4.0],
            "health_latency": [0.25, 0.25, None],
            "probe_age": [90.0, 180.0, 360.0],
            "queue": [2.0, 2.0, None],
        },
    }


def test_what_is_in_memory_is_told_as_far_as_it_is_known() -> None:
    models = (Model("here", loaded=True), Model("gone", loaded=True), Model("coming", loaded=False), Model("silent"))
    memory = Memory({"coming": NOW - 5}, {"here": NOW + 30, "gone": NOW - 1})
    [told] = backends_json(snapshot(replace(UP, models=models, memory=memory)), DEFAULT_RULES)
    assert told["memory"] == [
        {"model": "here", "loaded": True, "loading_seconds": None, "expires_in_seconds": 30.0},
        {"model": "gone", "loaded": False, "loading_seconds": None, "expires_in_seconds": None},
        {"model": "coming", "loaded": False, "loading_seconds": 10.0, "expires_in_seconds": None},
    ]


def test_of_an_unknown_backend_everything_is_null_and_nothing_0() -> None:
    [told] = backends_json(snapshot(BackendState(BackendSpec("mini", ""))), DEFAULT_RULES)
    for key in ("engine", "healthy", "latency_ms", "last_token_seconds_ago", "probe_outcome", "last_failure"):
        assert told[key] is None
    assert {told["load"][key] for key in ("level", "level_ko", "set_by", "health_baseline_ms")} == {None}
    assert told["load"]["signals"] == {}


def test_a_backend_that_rests_says_how_long_and_one_that_failed_that_it_is_left_alone() -> None:
    resting = replace(UP, breaker=Breaker(full_until=NOW + 2.5))
    rested = replace(UP, breaker=Breaker(full_until=NOW - 2.5))
    failed = replace(UP, breaker=Breaker(openings=1, opened_at=NOW - 0.5), draining=True)
    said = [backends_json(snapshot(state), DEFAULT_RULES)[0] for state in (resting, rested, failed)]
    assert [(one["circuit"], one["resting_seconds"], one["draining"]) for one in said] == [
        ("closed", 2.5, False),
        ("closed", None, False),
        ("open", None, True),
    ]


def test_what_a_typical_request_would_meet_is_told_once_it_was_measured() -> None:
    forecast = NO_FORECAST
    for _ in range(TRUSTED_SAMPLES):
        forecast = forecast.after_first_token(1000, 0.5)
    usual = NOTHING_USUAL
    for number in range(TRUSTED_SAMPLES):
        usual = usual.after_first_token(number, 1000, 0.5).after_answer(number, 1, 2.0, 100)
    models = {"forecasts": {"gemma4": forecast}, "usual": {"gemma4": usual}}
    known = replace(UP, last_model="gemma4", last_role="reasoner", **models, work=Work())
    [told] = backends_json(snapshot(replace(known, inferred_slots=3.4)), DEFAULT_RULES)
    first_ms = round(1000 * forecast.first.at(TYPICAL_PROMPT_TOKENS), 1)
    assert told["predicted"] == {
        "model": "gemma4",
        "ttft_ms": first_ms,
        "slowdown": 1.0,
        "slots": 3,
        "inferred": True,
    }
    [said] = backends_json(snapshot(replace(known, reading=Reading(slots=8), inferred_slots=3.4)), DEFAULT_RULES)
    assert (said["predicted"]["slots"], said["predicted"]["inferred"]) == (8, False)


def test_others_are_told_while_what_is_known_of_them_is_fresh() -> None:
    ages = (0.0, 6.0, 6.1)
    said = [
        backends_json(snapshot(replace(UP, outside=Outside(NOW - age, 3, 1))), DEFAULT_RULES)[0]["outside"]
        for age in ages
    ]
    assert said == [{"running": 3, "waiting": 1}, {"running": 3, "waiting": 1}, {"running": None, "waiting": None}]


def test_a_stale_status_is_not_the_source_any_more() -> None:
    fresh = replace(UP, status=Status(NOW, 3, 70))
    stale = replace(UP, status=Status(NOW - 16, 3, 70), reading=Reading(running=1, total_requests=5), reading_at=NOW)
    said = [backends_json(snapshot(state), DEFAULT_RULES)[0]["load"] for state in (fresh, stale)]
    assert [(one["source"], one["active_jobs"], one["total_requests"]) for one in said] == [
        ("status_api", 3, 70),
        ("hybrid", 1, 5),
    ]


def test_a_measured_inference_is_told_in_milliseconds() -> None:
    [told] = backends_json(snapshot(replace(UP, inference_ms=4200.04, inference_at=NOW)), DEFAULT_RULES)
    assert (told["load"]["inference_ms"], told["load"]["measured"]) == (4200.0, True)


def test_the_status_is_the_sum_over_all_backends() -> None:
    other = replace(
        UP, spec=BackendSpec("mlx", ""), reading=Reading(running=1, waiting=1, total_requests=9), reading_at=NOW
    )
    assert status_json(snapshot(replace(UP, status=Status(NOW, 3, 70)), other), DEFAULT_RULES) == {
        "active_jobs": 5,
        "total_requests": 79,
    }


def test_the_status_is_null_where_one_does_not_say_and_where_there_is_none() -> None:
    nothing = {"active_jobs": None, "total_requests": None}
    assert status_json(snapshot(), DEFAULT_RULES) == nothing
    assert (
        status_json(
            snapshot(replace(UP, status=Status(NOW, 3, 70)), replace(UP, spec=BackendSpec("mlx", ""))), DEFAULT_RULES
        )
        == nothing
    )


@given(snapshots, load_rules)
def test_the_json_says_the_level_that_routing_sees_and_never_a_key(told: Snapshot, rules: LoadRules) -> None:
    said = backends_json(told, rules)
    assert b"sk-" not in orjson.dumps(said)
    for backend, state in zip(said, told.backends.values(), strict=True):
        level = classify(state, told, rules).level
        assert backend["load"]["level"] == (None if level is None else level.label)
