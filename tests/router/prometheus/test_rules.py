"""What is shipped for Prometheus names what Maek exports, and every alert has all that belongs to it."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, Histogram

from router import catalog
from router.api.routes import ROUTES
from router.metrics_docs import page
from router.prometheus.chosen import Chosen
from router.prometheus.files import SHIPPED as AS_SHIPPED
from router.prometheus.files import files, texts
from router.prometheus.recordings import LOAD, ratio_file
from router.prometheus.rule import Alert, Recording, Severity
from sidecar import LEVEL_RECORD, METRICS, MetricType

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "grafana" / "rules"
RULES = [rule for file in files() for rule in file.rules]
ALARMS = [rule for rule in RULES if isinstance(rule, Alert)]
RECORDED = {rule.record for rule in RULES if isinstance(rule, Recording)}
BY_NAME = {metric.name: metric for metric in (*METRICS, *catalog.METRICS)}
SUFFIXES = {MetricType.HISTOGRAM: ("_bucket", "_sum", "_count")}
SERIES = {
    metric.name + suffix: {*metric.labels, *(["le"] if suffix == "_bucket" else [])}
    for metric in BY_NAME.values()
    for suffix in SUFFIXES.get(metric.type, ("",))
}
OF_PROMETHEUS = {"job", "instance"}

every_alert = pytest.mark.parametrize("alert", ALARMS, ids=lambda alert: alert.name)


def shipped() -> list[Any]:
    """Every rule of every file, as Prometheus reads it."""
    return [
        rule
        for path in sorted(SHIPPED.glob("*.yaml"))
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]


def unit_tests() -> list[tuple[str, bool]]:
    """Of every unit test its alert, and whether it fires there."""
    tests = yaml.safe_load((SHIPPED / "tests" / "alerts.yaml").read_text("utf-8"))["tests"]
    return [(one["alertname"], bool(one["exp_alerts"])) for test in tests for one in test["alert_rule_test"]]


def test_the_files_are_what_would_be_written_and_there_are_no_others() -> None:
    found = {path.name: path.read_text("utf-8") for path in SHIPPED.glob("*.yaml")}
    assert found == texts()


def test_what_is_written_is_read_as_it_was_meant() -> None:
    read = {rule.get("record") or rule["alert"]: rule["expr"] for rule in shipped()}
    meant = {rule.record if isinstance(rule, Recording) else rule.name: rule.expr for rule in RULES}
    assert read == meant
    assert len(meant) == len(RULES)


def test_the_recording_rule_of_the_level_is_the_documented_expression() -> None:
    (rule,) = LOAD.rules
    assert isinstance(rule, Recording)
    assert rule.record == LEVEL_RECORD
    assert rule.expr == page().split("```promql\n")[1].split("\n```")[0]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.record if isinstance(rule, Recording) else rule.name)
def test_every_series_and_label_named_is_exported_or_recorded(rule: Recording | Alert) -> None:
    named = set(re.findall(r"[\w:]*maek_\w+(?::\w+)*", rule.expr))
    assert named <= SERIES.keys() | RECORDED
    for name, selected in re.findall(r"(\bmaek_\w+)\{([^}]*)\}", rule.expr):
        assert set(re.findall(r"(\w+)=", selected)) <= SERIES[name]
    labels = {label for name in named & SERIES.keys() for label in SERIES[name]} | OF_PROMETHEUS
    of_recorded = named & RECORDED
    for listed in re.findall(r"(?:by|on|without) ?\(([\w, ]+)\)", rule.expr):
        assert of_recorded or {label.strip() for label in listed.split(",")} <= labels


def test_every_histogram_has_its_percentiles_as_a_whole_and_by_each_label() -> None:
    for metric in BY_NAME.values():
        if metric.type is MetricType.HISTOGRAM:
            for level in ("instance", *(f"instance_{label}" for label in metric.labels)):
                assert {f"{level}:{metric.name}:{word}_5m" for word in ("p50", "p95", "p99")} <= RECORDED


def test_a_ratio_is_made_of_the_two_series_beside_it() -> None:
    ratios = [rule for rule in ratio_file(AS_SHIPPED).rules if isinstance(rule, Recording) and ":ratio_" in rule.record]
    assert len(ratios) > 5
    for rule in ratios:
        name, _, window = rule.record.partition(":ratio_")
        assert rule.expr == f"{name}:{window} / ({name}_of:{window} > 0)"
        assert {f"{name}:{window}", f"{name}_of:{window}"} <= RECORDED


@every_alert
def test_an_alert_says_how_bad_it_is_for_how_long_what_it_means_and_where_to_read_on(alert: Alert) -> None:
    (rule,) = (one for one in shipped() if one.get("alert") == alert.name)
    assert rule["labels"] == {"severity": alert.severity}
    assert alert.severity in Severity
    assert re.fullmatch(r"\d+[smh]", rule["for"])
    assert {*rule["annotations"]} == {"summary", "description", "runbook_url"}
    assert all(rule["annotations"].values())
    assert "instance" in alert.summary  # where several are watched, which one


@every_alert
def test_an_alert_has_a_unit_test_where_it_fires_and_one_where_it_does_not(alert: Alert) -> None:
    assert {fires for name, fires in unit_tests() if name == alert.name} == {True, False}


def test_nothing_else_is_tested_and_no_name_is_given_twice() -> None:
    assert {name for name, _ in unit_tests()} == {alert.name for alert in ALARMS}
    assert max(Counter(alert.name for alert in ALARMS).values()) == 1


def test_every_alert_has_its_section_in_the_runbooks_and_no_other() -> None:
    text = (ROOT / "docs" / "runbooks.md").read_text("utf-8")
    sections = re.findall(r"^## (Maek\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    severities = {alert.name: alert.severity for alert in ALARMS}
    assert {name for name, _ in sections} == severities.keys()
    for name, section in sections:
        assert f"**What it means** ({severities[name]})" in section
        assert "**Look at" in section
        assert "**Do" in section or "**Look at and do**" in section


def test_a_section_says_when_it_is_harmless_and_asks_only_what_can_be_asked() -> None:
    text = (ROOT / "docs" / "runbooks.md").read_text("utf-8")
    assert text.count("**Harmless when**") == len(ALARMS)
    known = {(route.method, re.sub(r"\{\w+\}", "NAME", route.path)) for route in ROUTES}
    for line in text.splitlines():
        for path in re.findall(r"http://127\.0\.0\.1:8484(/[\w/]+)", line):
            assert ("POST" if "-X POST" in line else "GET", path) in known


def test_the_page_of_an_alert_may_be_anywhere() -> None:
    told = texts(Chosen("https://wiki.example/maek"))["alerts.yaml"]
    assert 'runbook_url: "https://wiki.example/maek#maekbackenddown"' in told
    assert "docs/runbooks.md#" not in told


def test_a_first_token_may_be_late_sooner_or_later_but_only_where_it_is_counted() -> None:
    told = texts(Chosen(first_token_seconds=2.5))
    assert 'le="2.5"' in told["ratios.yaml"]
    assert "later than 2.5 s" in told["alerts.yaml"]
    with pytest.raises(ValueError, match=r"counted up to 0\.01, .* 160 seconds, not 3"):
        Chosen(first_token_seconds=3)


def test_what_is_late_by_default_is_a_bucket_that_is_exported() -> None:
    registry = CollectorRegistry()
    name, bounds = catalog.TIME_TO_FIRST_TOKEN.name, catalog.FIRST_TOKEN_BUCKETS
    Histogram(name, "", registry=registry, buckets=bounds)
    exported = {sample.labels["le"] for family in registry.collect() for sample in family.samples if sample.labels}
    assert set(re.findall(rf'{name}_bucket\{{le="([^"]+)"', texts()["ratios.yaml"])) == {"10.0"} <= exported


def test_a_rehearsal_is_the_same_but_for_every_time_that_passes() -> None:
    hurried, usual = texts(Chosen(faster=60)), texts()
    for name, text in usual.items():
        seconds = re.sub(
            r"(?<=\[)(\d+)m(?=\])|(?<=for: )(\d+)m$", lambda m: f"{m[1] or m[2]}000ms", text, flags=re.MULTILINE
        )
        seconds = seconds.replace("[1h]", "[60000ms]").replace("[6h]", "[360000ms]")
        for usual_seconds in (3600, 21600, 1800):
            seconds = seconds.replace(f"* {usual_seconds} >=", f"* {usual_seconds // 60} >=")
        assert hurried[name] == seconds
    with pytest.raises(ValueError, match="faster, not slower"):
        Chosen(faster=0)
