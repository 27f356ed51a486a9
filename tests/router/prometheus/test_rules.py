"""What is shipped for Prometheus names what Maek exports, and every alert has all that belongs to it."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from router import catalog
from router.metrics_docs import page
from router.prometheus.alerts import ALERTS
from router.prometheus.files import FILES, texts
from router.prometheus.recordings import LOAD, RATIOS
from router.prometheus.rule import Alert, Recording, Severity
from router.prometheus.text import file_text
from sidecar import LEVEL_RECORD, METRICS, MetricType

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "grafana" / "rules"
RULES = [rule for file in FILES for rule in file.rules]
ALARMS = [rule for rule in ALERTS.rules if isinstance(rule, Alert)]
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


def test_every_histogram_has_its_percentiles() -> None:
    for metric in BY_NAME.values():
        if metric.type is MetricType.HISTOGRAM:
            told = [name for name in RECORDED if f":{metric.name}:p" in name]
            assert len(told) == 3, metric.name


def test_a_ratio_is_made_of_the_two_series_beside_it() -> None:
    ratios = [rule for rule in RATIOS.rules if isinstance(rule, Recording) and ":ratio_" in rule.record]
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
        assert "**Do.**" in section or "**Look at and do**" in section


def test_the_page_of_an_alert_may_be_anywhere() -> None:
    told = file_text(ALERTS, "https://wiki.example/maek")
    assert 'runbook_url: "https://wiki.example/maek#maekbackenddown"' in told
    assert "docs/runbooks.md#" not in told
