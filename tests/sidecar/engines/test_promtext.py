from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.engines.engine import Answer, Selector, Unreadable
from sidecar.engines.promtext import families, samples, selector_of

LABEL_VALUES = st.text().filter(lambda label: label.splitlines() in ([], [label]))


def total(page: str, name: str) -> float | None:
    return families(Answer(200, page.encode())).total(Selector(name))


def test_a_name_matches_exactly_and_not_by_its_beginning() -> None:
    page = 'x_by_reason{reason="a"} 7\nx 2\nx_total 9\n'
    assert total(page, "x") == 2
    assert total('x_by_reason{reason="a"} 7\n', "x") is None


def test_a_family_is_summed_and_averaged_over_its_labels() -> None:
    found = families(Answer(200, b'x{engine="0"} 1.0\nx{engine="1"} 2.0\n'))
    assert found.total(Selector("x")) == 3
    assert found.mean(Selector("x")) == 1.5


def test_labels_select_the_samples_that_have_all_of_them() -> None:
    found = families(Answer(200, b'x{a="1",b="1"} 1\nx{a="1",b="2"} 2\nx{a="2",b="2"} 4\n'))
    assert found.total(Selector("x", {"a": "1"})) == 3
    assert found.total(Selector("x", {"a": "1", "b": "2"})) == 2
    assert found.total(Selector("x", {"a": "3"})) is None
    assert found.total(Selector("x", {"c": ""})) is None


@pytest.mark.parametrize(
    "page", ["", "# HELP x what\n# TYPE x gauge\n", "y 1\n", "x NaN\n", 'x{a="1"} 1\nx{a="2"} NaN\n']
)
def test_what_is_not_said_is_unknown_and_not_zero(page: str) -> None:
    assert total(page, "x") is None


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("x 1", 1.0),
        ("x 1.5e+06", 1.5e6),
        ("x{} 3", 3.0),
        ('x{a="b",} 3', 3.0),
        ('x { a = "b" , c = "d" } 3', 3.0),
        ("x\t4", 4.0),
        ("x 5 1395066363000", 5.0),
        ('x{a="b"} 6 # {trace_id="1"} 0.5', 6.0),
        ("x +Inf", float("inf")),
        ("x -2", -2.0),
        ("  x 8  ", 8.0),
        ("x .5", 0.5),
    ],
)
def test_each_form_of_a_line_is_read(line: str, value: float) -> None:
    assert total(line + "\n", "x") == value


@pytest.mark.parametrize(
    "page",
    [
        "<!doctype html>\n<html></html>\n",
        "Not Found",
        '{"detail": "Not Found"}',
        "x",
        "x one",
        "x 1_000",
        "x3",
        'x{a="b} 3',
        "x{a=b} 3",
        'x{a="b"',
        "1x 3",
        "ok 1\nx 2 3 4\n",
    ],
)
def test_one_line_that_is_no_sample_makes_the_page_unreadable(page: str) -> None:
    with pytest.raises(Unreadable, match="no Prometheus text: line"):
        families(Answer(200, page.encode()))


def test_bytes_that_are_no_text_and_other_statuses_are_unreadable() -> None:
    with pytest.raises(Unreadable, match="no Prometheus text"):
        families(Answer(200, b"x 1\n\xff\xfe"))
    with pytest.raises(Unreadable, match="HTTP 404"):
        families(Answer(404, b"x 1\n"))


@given(LABEL_VALUES, st.floats(allow_nan=False))
@example('a"b\\c,d="e"} 9', 1.0)
def test_whatever_a_label_holds_it_comes_back_and_so_does_the_value(label: str, value: float) -> None:
    written = label.replace("\\", "\\\\").replace('"', '\\"')
    (sample,) = samples(f'x{{a="{written}",b="2"}} {value}')
    assert dict(sample.labels) == {"a": label, "b": "2"}
    assert sample.value == value


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("vllm:num_requests_running", Selector("vllm:num_requests_running")),
        (' jobs{state="on"} ', Selector("jobs", {"state": "on"})),
        ('jobs{ state = "on" , kind="a\\"b\\\\", }', Selector("jobs", {"state": "on", "kind": 'a"b\\'})),
        ("jobs{}", Selector("jobs")),
        ('jobs{note="a,b}c"}', Selector("jobs", {"note": "a,b}c"})),
        ("", None),
        ("jobs{state=on}", None),
        ('jobs{state!="on"}', None),
        ('jobs{state=~"on"}', None),
        ('jobs{"state"="on"}', None),
        ('jobs{state="on"', None),
        ('jobs{state="on"} 3', None),
        ('jobs{state="on",state="off"}', None),
        ('jobs{a="1" b="2"}', None),
        ("1jobs", None),
        ("two jobs", None),
        ("sum(jobs)", None),
    ],
)
def test_a_metric_is_named_as_prometheus_writes_it(text: str, selector: Selector | None) -> None:
    assert selector_of(text) == selector


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True), LABEL_VALUES, max_size=3))
def test_a_selector_is_read_as_it_is_written(labels: dict[str, str]) -> None:
    selector = Selector("vllm:jobs", labels)
    assert selector_of(str(selector)) == selector


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["x{" + 'a="",' * 300_000, "x{" + " " * 1_000_000, 'x{a="' + "\\" * 999_999])
def test_a_hostile_name_costs_its_length_and_no_more(text: str) -> None:
    assert selector_of(text) is None


@given(st.binary())
def test_any_bytes_are_read_or_unreadable(body: bytes) -> None:
    with suppress(Unreadable):
        families(Answer(200, body))


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "line",
    [
        "x" + " " * 1_000_000 + "! a b",
        "x{" + 'a="",' * 300_000,
        "x{" + " " * 1_000_000,
        'x{a="' + "\\" * 999_999,
        "x " + "1" * 1_000_000 + "!",
    ],
)
def test_a_hostile_line_costs_its_length_and_no_more(line: str) -> None:
    with pytest.raises(Unreadable):
        families(Answer(200, line.encode()))
