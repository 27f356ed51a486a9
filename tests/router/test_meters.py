"""Counters and histograms of ours count as prometheus_client's do."""

import threading

import prometheus_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest

from router.meters import LONGEST_EXEMPLAR, Counter, Histogram
from sidecar import Metric, MetricType

ANSWERS = Metric("maek_answers_total", MetricType.COUNTER, "Answers.", ("backend", "outcome"))
SECONDS = Metric("maek_answer_seconds", MetricType.HISTOGRAM, "How long.", ("backend",))
WAITS = Metric("maek_wait_seconds", MetricType.HISTOGRAM, "How long.")
KINDS = Metric("maek_kinds_total", MetricType.COUNTER, "Kinds.", ("kind",))
BOUNDS = (0.1, 0.5, 1, 2_500_000)

observed = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([0, 0.1, 0.5, 1, 2_500_000]) | st.floats(0, 1e9))
)


@given(observed)
def test_they_tell_what_those_of_prometheus_client_tell(observations: list[tuple[str, float]]) -> None:
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    seconds, counts = Histogram(SECONDS, ours, BOUNDS), Counter(ANSWERS, ours)
    their_seconds = prometheus_client.Histogram(
        SECONDS.name, SECONDS.help, SECONDS.labels, buckets=BOUNDS, registry=theirs
    )
    their_counts = prometheus_client.Counter(ANSWERS.name, ANSWERS.help, ANSWERS.labels, registry=theirs)
    for backend, value in observations:
        for histogram in (seconds, their_seconds):
            histogram.labels(backend).observe(value)
        for counter in (counts, their_counts):
            counter.labels(backend, "ok").inc(value)
    assert generate_latest(ours) == generate_latest(theirs)


def test_what_is_known_before_is_there_from_the_beginning() -> None:
    registry = CollectorRegistry()
    Counter(KINDS, registry, [("good",), ("bad",)])
    Histogram(WAITS, registry, BOUNDS)
    assert registry.get_sample_value("maek_kinds_total", {"kind": "bad"}) == 0
    assert registry.get_sample_value("maek_wait_seconds_count") == 0


def test_of_a_backend_from_when_it_is_known_to_when_it_is_gone() -> None:
    registry = CollectorRegistry()
    answers = Counter(ANSWERS, registry, [("ok",), ("failed",)])
    labels = {"backend": "mini", "outcome": "failed"}
    assert registry.get_sample_value("maek_answers_total", labels) is None
    answers.begin("mini")
    answers.begin("studio")
    assert registry.get_sample_value("maek_answers_total", labels) == 0
    answers.labels("mini", "failed").inc()
    answers.begin("mini")  # changes nothing
    assert registry.get_sample_value("maek_answers_total", labels) == 1
    answers.forget("mini")
    assert registry.get_sample_value("maek_answers_total", labels) is None
    assert registry.get_sample_value("maek_answers_total", labels | {"backend": "studio"}) == 0


def test_a_page_that_is_being_written_keeps_its_numbers() -> None:
    registry = CollectorRegistry()
    waits, answers = Histogram(WAITS, registry, BOUNDS), Counter(ANSWERS, registry)
    waits.observe(0.3, {"trace_id": "one"})
    answers.labels("mini", "ok").inc()
    before = list(registry.collect())
    waits.observe(0.3, {"trace_id": "another"})
    answers.labels("mini", "ok").inc()
    answers.labels("mini", "failed").inc()
    values = {sample.name: sample.value for family in before for sample in family.samples if "le" not in sample.labels}
    assert values == {"maek_wait_seconds_count": 1, "maek_wait_seconds_sum": 0.3, "maek_answers_total": 1}
    said = [sample.exemplar.labels for family in before for sample in family.samples if sample.exemplar]
    assert said == [{"trace_id": "one"}]


def test_an_exemplar_is_of_the_bucket_and_one_that_is_too_long_is_left_out() -> None:
    registry = CollectorRegistry()
    waits = Histogram(WAITS, registry, BOUNDS)
    waits.observe(0.3, {"trace_id": "x" * (LONGEST_EXEMPLAR - len("trace_id"))})
    waits.observe(0.7, {"trace_id": "x" * (LONGEST_EXEMPLAR - len("trace_id") + 1)})
    samples = [sample for family in registry.collect() for sample in family.samples if sample.exemplar is not None]
    assert [sample.labels["le"] for sample in samples] == ["0.5"]
    assert registry.get_sample_value("maek_wait_seconds_count") == 2


def test_labels_that_do_not_fit_and_names_that_are_taken_are_refused() -> None:
    registry = CollectorRegistry()
    answers = Counter(ANSWERS, registry)
    with pytest.raises(ValueError, match=r"has the labels \('backend', 'outcome'\)"):
        answers.labels("mini")
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        Counter(ANSWERS, registry)


def test_threads_lose_nothing() -> None:
    counted = Counter(KINDS, CollectorRegistry(), [("good",)])

    def count_up() -> None:
        for _ in range(5000):
            counted.labels("good").inc()

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted.labels("good").value == 20_000
