"""Our own writer writes what prometheus_client writes, byte for byte."""

from collections.abc import Callable
from math import inf, nan, nextafter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, Histogram, Info, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.samples import Exemplar

from sidecar.catalog import Metric, Type
from sidecar.exposition import families
from sidecar.families import Own, Plain, Row, Spread, Spreads, as_go
from sidecar.load import DEFAULT_RULES, LoadRules
from sidecar.state import Snapshot
from sidecar.writing import Writer, count, number
from tests.states import snapshots
from tests.strategies import load_rules

numbers = st.floats() | st.sampled_from(
    [0.0, -0.0, 1.0, 999_999.0, 999_999.5, 1e6, nextafter(1e6, 0), -1e6, -1e7, 1e21, 1e-5, 5e-324, inf, -inf, nan]
)
words = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["", "\\", '"', "\n", "%", "%s", "%%", "mini", "한글", 'a\\n"b"', "}", "{", ",", "\x85", "\u2028"]
)
helps = st.sampled_from(["Plain.", 'With "quotes".', "A \\ and\nanother line.", "100 %"])
exemplars = st.builds(
    Exemplar,
    st.dictionaries(st.sampled_from(["trace_id", "span_id"]), words, max_size=2),
    numbers,
    st.none() | st.floats(0, 2e9),
)


@st.composite
def plain(draw: st.DrawFn) -> Plain:
    counts = draw(st.booleans())
    labels = draw(st.sampled_from([(), ("backend",), ("signal", "backend", "level")]))
    metric = Metric("maek_x_total" if counts else "maek_x", Type.COUNTER if counts else Type.GAUGE, draw(helps), labels)
    return Plain(metric, draw(rows_of(len(labels))))


def rows_of(labels: int) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.tuples(st.tuples(*[words] * labels), numbers), max_size=4)


@st.composite
def spreads(draw: st.DrawFn) -> Spreads:
    labels = draw(st.sampled_from([(), ("backend",), ("zone", "backend")]))
    bounds = draw(st.sampled_from([(1.0,), (0.00005, 0.5, 1.0, 1280.0), (0.1, 2e6)]))
    places = len(bounds) + 1
    one = st.builds(
        Spread,
        st.tuples(*[words] * len(labels)),
        st.lists(st.integers(0, 2_000_000), min_size=places, max_size=places).map(tuple),
        numbers,
        st.dictionaries(st.integers(0, places - 1), exemplars, max_size=2),
    )
    metric = Metric("maek_y_seconds", Type.HISTOGRAM, draw(helps), labels)
    return Spreads(metric, bounds, draw(st.lists(one, max_size=3)))


class All:
    """A collector of these."""

    def __init__(self, *told: Family) -> None:
        self.told = told

    def collect(self) -> tuple[Family, ...]:
        return self.told


def as_theirs(*told: Family, as_openmetrics: bool) -> bytes:
    encode: Callable[..., bytes] = openmetrics.generate_latest if as_openmetrics else generate_latest
    return encode(All(*told))


def as_ours(writer: Writer, *told: Family, as_openmetrics: bool) -> bytes:
    return "".join(writer.pieces(told, as_openmetrics=as_openmetrics)).encode()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(plain() | spreads(), max_size=3), st.booleans())
def test_a_family_is_written_as_prometheus_client_writes_it_the_first_time_and_the_next(
    told: list[Own], as_openmetrics: bool
) -> None:
    writer, theirs = Writer(), as_theirs(*told, as_openmetrics=as_openmetrics)
    for _ in range(2):
        assert as_ours(writer, *told, as_openmetrics=as_openmetrics) == theirs


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots, load_rules)
def test_so_is_every_snapshot(told: Snapshot, rules: LoadRules) -> None:
    writer = Writer()
    for as_openmetrics in (False, True, False):
        theirs = as_theirs(*families(told, rules), as_openmetrics=as_openmetrics)
        assert as_ours(writer, *families(told, rules), as_openmetrics=as_openmetrics) == theirs


@pytest.mark.parametrize("as_openmetrics", [False, True])
def test_families_of_others_are_left_to_prometheus_client(as_openmetrics: bool) -> None:
    registry = CollectorRegistry()
    Gauge("g", "A gauge.", ["a"], registry=registry).labels('"').set(1e9)
    Info("i", "Who.", registry=registry).info({"version": "1"})
    Histogram("h", "How long.", registry=registry).observe(1, {"trace_id": "a" * 32})
    told = list(registry.collect())
    assert as_ours(Writer(), *told, as_openmetrics=as_openmetrics) == as_theirs(*told, as_openmetrics=as_openmetrics)


def test_a_parser_of_openmetrics_reads_the_exemplars() -> None:
    seen = Exemplar({"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}, 0.25, 1764372123.5)
    metric = Metric("maek_y_seconds", Type.HISTOGRAM, "How long.", ("backend",))
    told = Spreads(metric, (0.1, 1.0), [Spread(("mini",), (1, 2, 0), 0.6, {1: seen})])
    [family] = openmetrics_families(as_ours(Writer(), told, as_openmetrics=True).decode())
    [found] = [sample for sample in family.samples if sample.exemplar is not None]
    assert (found.labels["le"], found.value, found.exemplar.labels, found.exemplar.value) == (
        "1.0", 3.0, seen.labels, 0.25,
    )  # fmt: skip


@given(numbers, st.integers(0, 10**18))
def test_numbers_are_written_as_go_writes_them(value: float, whole: int) -> None:
    assert number(value) == as_go(value)
    assert count(whole) == as_go(whole)


def test_a_series_that_is_gone_is_forgotten() -> None:
    metric, writer = Metric("maek_x", Type.GAUGE, "X.", ("backend",)), Writer()
    for names in (["a", "b"], ["b"]):
        as_ours(writer, Plain(metric, [((name,), 1.0) for name in names]), as_openmetrics=False)
    assert writer._known == {"maek_x": {("b",): 'maek_x{backend="b"} '}}


def test_a_page_comes_in_small_pieces() -> None:
    metric = Metric("maek_x", Type.GAUGE, "X.", ("backend",))
    told = Plain(metric, [((f"b{place}",), 1.0) for place in range(1000)])
    assert max(piece.count("\n") for piece in Writer().pieces([told], as_openmetrics=False)) <= 100


def test_without_backends_a_page_still_says_what_there_could_be() -> None:
    empty = Snapshot(0.0, {}, 0, 1)
    page = as_ours(Writer(), *families(empty, DEFAULT_RULES), as_openmetrics=True).decode()
    assert "# TYPE maek_backend_load gauge\n" in page
    assert page.endswith("# EOF\n")
