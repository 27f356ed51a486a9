from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from dashboards.names import ALERTS_SERIES, OF_OTHERS, RECORDED, rate, series
from router import catalog
from sidecar import METRICS, MetricType
from tests.dashboards.asked import VARIABLES, Asked, asked, dashboards, filled, panels

PARTS = ("_bucket", "_count", "_sum")


NOT_SHOWN = {
    "maek_backend_info": "recorded as role:maek_backends_serving:sum",
    "maek_backend_inference_latency_seconds": "a signal of load",
    "maek_backend_kv_usage_ratio": "a signal of load",
    "maek_backend_probe_age_seconds": "a signal of load",
    "maek_queue_active": "a signal of load",
    "maek_requests_started_total": "the other side of maek_requests_total and maek_backend_in_flight",
    "maek_decide_agreement_total": "only while a stage is in shadow; `maek learn` is for that",
}
"""Metrics that no panel asks for by their own name, and why."""


def selected(expr: Any) -> Iterator[str]:
    """The names of all series in a parsed question."""
    if isinstance(expr, promql_parser.VectorSelector):
        yield expr.name
        return
    for part in ("expr", "lhs", "rhs", "vector_selector"):
        if (inner := getattr(expr, part, None)) is not None:
            yield from selected(inner)
    for inner in getattr(expr, "args", None) or ():
        yield from selected(inner)


def exported() -> set[str]:
    """Every name that Prometheus can have of a Maek with its rules."""
    names = {*RECORDED, *OF_OTHERS, ALERTS_SERIES}
    for metric in (*METRICS, *catalog.METRICS):
        histogram = metric.type is MetricType.HISTOGRAM
        names |= {metric.name + part for part in PARTS} if histogram else {metric.name}
    return names


@pytest.mark.parametrize("question", asked(), ids=lambda question: f"{question.dashboard}: {question.panel}")
def test_every_question_is_promql_about_series_that_exist(question: Asked) -> None:
    names = set(selected(promql_parser.parse(question.expr)))
    assert names
    assert names <= exported()
    assert "$" not in question.expr


def test_what_is_selected_is_what_is_chosen_at_the_top() -> None:
    assert series("maek_backend_load") == 'maek_backend_load{job=~"$job", instance=~"$instance", backend=~"$backend"}'
    assert series("maek_backend_state", state="down").endswith('backend=~"$backend", state="down"}')
    assert series("maek_backend_state", state=("down", "ready")).endswith('state=~"down|ready"}')
    assert series("maek_queue_depth", job="maek") == 'maek_queue_depth{instance=~"$instance", job="maek"}'
    assert rate("maek_requests_total", "outcome") == (
        f"sum by (outcome) (rate({series('maek_requests_total')}[$__rate_interval]))"
    )


def test_a_recorded_series_has_the_labels_that_its_name_begins_with() -> None:
    record = "backend:maek_requests_failed:ratio_rate5m"
    assert series(record) == f'{record}{{job=~"$job", instance=~"$instance", backend=~"$backend"}}'


MADE_UP = ("maek_made_up", "instance:maek_made_up:p95_5m", "node_load1", "maek_backend_load_sum")


@pytest.mark.parametrize("name", MADE_UP)
def test_a_name_that_nobody_exports_stops_the_generator(name: str) -> None:
    with pytest.raises(KeyError):
        series(name)


def test_a_histogram_is_asked_for_by_its_parts() -> None:
    with pytest.raises(KeyError, match="by its parts"):
        series("maek_queue_wait_seconds")
    assert series("maek_queue_wait_seconds_bucket").startswith("maek_queue_wait_seconds_bucket{")


def test_a_label_that_a_metric_has_not_stops_the_generator() -> None:
    with pytest.raises(KeyError, match="has no label colour"):
        series("maek_backend_load", colour="red")


def test_ratios_and_percentiles_are_recorded_and_not_computed_in_a_panel() -> None:
    for question in asked():
        assert "histogram_quantile" not in question.expr
        assert "/" not in question.expr


def test_every_variable_of_grafana_that_is_used_is_one_that_is_there() -> None:
    for one in dashboards().values():
        there = {f"${variable['name']}" for variable in one["templating"].get("list", ())} | {"$__rate_interval"}
        for panel in panels(one):
            for target in panel.get("targets", ()):
                used = {variable for variable in VARIABLES if variable in target["expr"]}
                assert filled(target["expr"]).count("$") == 0
                assert used <= there


def test_everything_that_is_exported_is_seen_somewhere() -> None:
    seen = {name for question in asked() for name in selected(promql_parser.parse(question.expr))}
    metrics = {metric.name for metric in (*METRICS, *catalog.METRICS)}
    assert {name for name in metrics if not any(name in one for one in seen)} == set(NOT_SHOWN)
