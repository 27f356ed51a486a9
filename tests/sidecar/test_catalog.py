import re

from sidecar.catalog import METRICS
from sidecar.exposition import SAMPLES


def test_names_and_labels_are_those_that_prometheus_takes() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"[a-z_]+", metric.name)
        assert all(re.fullmatch(r"[a-z_]+", label) for label in metric.labels)


def test_labels_come_from_closed_sets() -> None:
    allowed = {"backend", "engine", "engine_version", "role", "state", "signal", "level", "outcome"}
    allowed |= {"model", "to", "label"}
    assert {label for metric in METRICS for label in metric.labels} <= allowed


def test_every_metric_that_belongs_to_a_backend_has_its_projection() -> None:
    assert SAMPLES.keys() == {metric.name for metric in METRICS if "backend" in metric.labels}
