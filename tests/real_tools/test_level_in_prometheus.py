"""The level that the recording rule computes is the level that Maek says: thousands of states, through promtool."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import inf, isnan, nan, nextafter
from pathlib import Path

import orjson
import pytest

from router.prometheus.files import texts
from sidecar import catalog
from sidecar.baseline import Baseline
from sidecar.engines.engine import Reading
from sidecar.exposition import families
from sidecar.facts import BackendSpec
from sidecar.health import Health, Verdict
from sidecar.levels import NEVER, REMEMBERED, Level, Signal, Steps
from sidecar.load import DEFAULT_RULES, LoadRules, classify
from sidecar.progress import Pulse, Rhythm
from sidecar.state import BackendState, Snapshot, Status
from sidecar.strain import silence
from sidecar.usual import NOTHING_USUAL, Usual
from sidecar.work import Work
from tests.real_tools import promtool
from tests.real_tools.promtool import Series

pytestmark = pytest.mark.real

MOMENTS = 500
BACKENDS = 20
SEED = 20_261_128
NOW = 1000.0
RECORDED = "backend:maek_backend_load:computed"
TARGET = (("job", "maek"), ("instance", "maek:8484"))
SIGNAL = catalog.LOAD_SIGNAL.name
EXPORTED = {catalog.BACKEND_UP.name, SIGNAL, catalog.LOAD_THRESHOLD.name}

Moment = dict[Series, float]


def beside(dice: random.Random, most: int, *values: float | None) -> Steps:
    """Thresholds at one of these values or one double beside it, of which at most `most` are reached."""
    known = [value for value in values if value is not None and not isnan(value)] or [1.0]
    reached = dice.randrange(most + 1)
    largest, value = max(known), dice.choice(known)
    steps = [dice.choice([value, nextafter(value, -inf), value * dice.random()]) for _ in range(reached)]
    steps += [dice.choice([nextafter(largest, inf), largest + dice.random() + 1e-9, NEVER]) for _ in range(3 - reached)]
    normal, busy, very_busy = sorted(steps)
    return normal, busy, very_busy


def usual_of(first_seconds: float, token_seconds: float) -> Usual:
    """Of a machine that has been seen often enough."""
    usual = NOTHING_USUAL
    for number in range(30):
        usual = usual.after_first_token(NOW - 60 + number, 1000, first_seconds)
        usual = usual.after_answer(NOW - 60 + number, 1 + number % 3, 100 * token_seconds, 100)
    return usual


USUALS = (usual_of(0.1, 0.02), usual_of(2.0, 0.1))


def maybe(dice: random.Random, value: float) -> float | None:
    """Half of all signals are missing."""
    return value if dice.random() < 0.5 else None


def state_of(dice: random.Random, name: str) -> BackendState:
    """A backend about which something is known, or nothing; an engine may say NaN."""
    kv = maybe(dice, dice.choice([dice.random(), 0.7, 0.9, 0.97, 0.1 + 0.2, nan]))
    waiting = None if dice.random() < 0.5 else dice.randrange(20)
    streams = dice.randrange(9)
    silent_since = maybe(dice, NOW - dice.choice([0.5, 1.0, 40.0, dice.random() * 60])) if streams else None
    work = Work(started=9, in_flight=streams, running=streams, streams=streams, silent_since=silent_since)
    health = dice.choice(
        [Health(Verdict.UP)] * 6 + [Health(Verdict.UNKNOWN), Health(Verdict.DOWN), Health(Verdict.UP, loading=True)]
    )
    health_ms = maybe(dice, dice.choice([dice.random() * 3000, 249.9, 250.0, 0.1 * 3]))
    state = BackendState(
        BackendSpec(name, "http://10.0.0.1", slots=dice.choice([None, 1, 3, 7])),
        health=health,
        health_ms=health_ms,
        health_at=maybe(dice, NOW - dice.choice([0.0, 90.0, 180.0, dice.random() * 400])),
        health_before_ms=maybe(dice, dice.random() * 3000),
        reading=Reading(waiting=waiting, kv_usage_ratio=kv),
        reading_at=NOW - 1,
        status=None if dice.random() < 0.5 else Status(NOW - 1, dice.randrange(30), 99),
        inference_ms=maybe(dice, dice.choice([dice.random() * 9000, 4000.0, 8000.0, -1.0])),
        inference_at=NOW - 3,
        work=work,
        usual={} if dice.random() < 0.5 else {"m": dice.choice(USUALS)},
    )
    if health_ms is not None and dice.random() < 0.5:
        state = replace(state, baseline=Baseline(max(10.0, health_ms / dice.choice([2, 5])), 5))
    return state


def pulse_of(dice: random.Random, state: BackendState) -> Pulse:
    """The beat of its tokens; a quarter of all backends are at a level that they have to leave first."""
    pulse = Pulse()
    held = {str(signal): dice.randrange(4) for signal in REMEMBERED} if dice.random() < 0.25 else {}
    gap_seconds = maybe(dice, dice.choice([0.02, 0.1, dice.random()]))
    pulse.recall(Rhythm(state.work.silent_since, gap_seconds, dice.choice([0.0, 5.0]), held=held))
    return pulse


def rules_of(dice: random.Random, state: BackendState, snapshot: Snapshot) -> LoadRules:
    """Rules whose thresholds lie at what is measured, or one double beside it."""
    signals = classify(state, snapshot, DEFAULT_RULES).signals
    quiet = silence(state, snapshot)
    slots, most = state.spec.slots or 1, dice.randrange(4)
    told = {str(signal): value for signal, value in signals.items()}
    return LoadRules(
        slowdown=beside(dice, most, told.get("slowdown")),
        silence_times_bearable=beside(dice, most, quiet and quiet.seconds / quiet.bearable_seconds),
        active_jobs_per_slot=beside(
            dice, most, *(told.get(name, 0.0) / slots for name in ("active_jobs", "in_flight"))
        ),
        waiting_requests=beside(dice, most, told.get("waiting")),
        kv_usage_ratio=beside(dice, most, told.get("kv_usage")),
        inference_seconds=beside(dice, most, told.get("inference_latency")),
        health_times_baseline=dice.choice([(2.0, 5.0, NEVER), (1.0, 1.0, 2.0)]),
        health_floor_seconds=beside(dice, most, told.get("health_latency"))[0],
        probe_age_seconds=beside(dice, most, told.get("probe_age")),
        queue_active=dice.randrange(9),
    )


def moment_of(dice: random.Random) -> tuple[Moment, Moment]:
    """What is exported of some backends, each with rules of its own, and the levels that Maek says."""
    exported: Moment = {}
    levels: Moment = {}
    for number in range(BACKENDS):
        state = state_of(dice, f"b{number}")
        snapshot = Snapshot(NOW, {state.name: state}, dice.randrange(5), 1, {state.name: pulse_of(dice, state)})
        for family in families(snapshot, rules_of(dice, state, snapshot)):
            for sample in family.samples:
                labels = (*TARGET, *sample.labels.items())
                if sample.name in EXPORTED:
                    exported[sample.name, labels] = sample.value
                elif sample.name == catalog.LOAD.name:
                    levels[RECORDED, labels] = sample.value
    return exported, levels


@cache
def moments() -> list[tuple[Moment, Moment]]:
    dice = random.Random(SEED)
    return [moment_of(dice) for _ in range(MOMENTS)]


def written(folder: Path, load_rules: str, chosen: Sequence[tuple[Moment, Moment]]) -> str:
    """The test that promtool is to run: a moment a minute, and at each the level of every backend."""
    (folder / "load.yaml").write_text(load_rules, encoding="utf-8")
    expected = [
        {"expr": RECORDED, "eval_time": f"{minute}m", "exp_samples": promtool.samples(levels.items())}
        for minute, (_, levels) in enumerate(chosen)
    ]
    series = promtool.told([exported for exported, _ in chosen])
    test = {"interval": "1m", "input_series": series, "promql_expr_test": expected}
    file = folder / "levels.yaml"
    # JSON is YAML.
    file.write_bytes(orjson.dumps({"rule_files": ["load.yaml"], "evaluation_interval": "1m", "tests": [test]}))
    return str(file)


async def test_the_level_is_that_of_prometheus_in_ten_thousand_states(tmp_path: Path) -> None:
    code, said = await promtool.run("test", "rules", written(tmp_path, texts()["load.yaml"], moments()))
    assert code == 0, said[:2000]


async def test_a_strict_comparison_would_be_noticed(tmp_path: Path) -> None:
    planted = texts()["load.yaml"].replace(">= bool", "> bool")
    assert planted != texts()["load.yaml"]
    code, said = await promtool.run("test", "rules", written(tmp_path, planted, moments()[:20]))
    assert code == 1
    assert "FAILED" in said


def test_those_states_have_every_level_and_thresholds_to_the_double() -> None:
    assert MOMENTS * BACKENDS >= 10_000
    levels = Counter(value for _, said in moments() for value in said.values())
    assert min(levels[level] for level in Level) > 200
    assert sum(len(said) for _, said in moments()) < MOMENTS * BACKENDS - 200  # some are unknown
    signals = {key: value for exported, _ in moments()[:50] for key, value in exported.items()}
    assert any(isnan(value) for value in signals.values())
    told = Counter(dict(labels)["signal"] for said, _ in moments() for name, labels in said if name == SIGNAL)
    assert min(told[signal] for signal in Signal) > 1000
    exact = one_beside = 0
    for exported, _ in moments():
        for (name, labels), step in exported.items():
            if name == catalog.LOAD_THRESHOLD.name:
                value = exported.get((SIGNAL, labels[:-1]), nan)
                exact += value == step
                one_beside += value in {nextafter(step, inf), nextafter(step, -inf)}
    assert min(exact, one_beside) > 5000
