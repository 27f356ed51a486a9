"""A configuration, turned into rules and paces."""

from math import inf

import pytest

from sidecar.config import InferenceProbe, SidecarConfig
from sidecar.facts import BackendSpec
from sidecar.load import DEFAULT_RULES
from sidecar.monitor import Pace
from sidecar.settings import load_rules, pace, wants_probe
from sidecar.state import BackendState


def test_the_default_configuration_means_the_default_rules_and_pace() -> None:
    assert load_rules(SidecarConfig()) == DEFAULT_RULES
    assert pace(SidecarConfig()) == Pace()


def test_a_level_that_a_signal_does_not_know_shares_the_step_above() -> None:
    rules = load_rules(SidecarConfig())
    assert rules.inference_seconds == (4.0, 4.0, 8.0)
    assert rules.health_times_baseline == (2.0, 5.0, inf)


def test_ages_are_told_in_intervals_and_kept_in_seconds() -> None:
    rules = load_rules(SidecarConfig(interval_seconds=10.0, stats_interval_seconds=2.0))
    assert rules.probe_age_seconds == (30.0, 60.0, 120.0)
    assert rules.reading_max_age_seconds == 6.0


@pytest.mark.parametrize("force", [False, True])
def test_no_probe_is_wanted_where_the_operator_wants_none(force: bool) -> None:
    config = SidecarConfig(inference_probe=InferenceProbe.NEVER)
    assert not wants_probe(config, force=force)(BackendState(BackendSpec("a", "http://a")), 0.0)


def test_a_forced_question_wants_a_probe_that_an_unforced_one_does_not() -> None:
    state = BackendState(BackendSpec("a", "http://a"))
    assert wants_probe(SidecarConfig(), force=True)(state, 0.0)
    assert not wants_probe(SidecarConfig())(state, 0.0)


@pytest.mark.parametrize(("now", "wants"), [(109.9, False), (110.0, True)])
def test_a_forced_question_never_wants_two_probes_within_10_s_however_suspicious(now: float, wants: bool) -> None:
    failed = BackendState(BackendSpec("a", "http://a"), health_ms=9000.0, inference_ms=-1.0, inference_at=100.0)
    assert wants_probe(SidecarConfig(), force=True)(failed, now) is wants
