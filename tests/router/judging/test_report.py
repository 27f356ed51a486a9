import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.decision import Action, Decision, Source
from router.judging.expectation import Expectation, expectation_of
from router.judging.page import report_page
from router.judging.report import Judged, curve, judged, report, score, wilson_lower
from router.judging.text import report_json, report_text


def row(expect: str, action: Action | None, confidence: float = 1.0, row_id: str = "1", text: str = "안녕") -> Judged:
    expected = expectation_of({"expect": expect})
    assert expected is not None
    decision = None if action is None else Decision(action, Source.MODEL, "why", confidence)
    return judged(row_id, text, "ko", expected, decision)


ROWS = (
    row("direct", Action.DIRECT, 0.99),
    row("direct", Action.CLARIFY, 0.9, "worse"),
    row("direct", None, row_id="missed"),
    row("direct", Action.ROUTE, 0.0, "left"),
    row("abstain", None),
    row("abstain", Action.DIRECT, 0.95, "worst"),
    row("route", Action.ROUTE),
)


def test_precision_is_of_what_was_accepted_and_coverage_of_what_is_in_scope() -> None:
    told = score(ROWS)
    assert (told.rows, told.in_scope, told.accepted, told.accepted_in_scope, told.right) == (7, 4, 3, 2, 1)
    assert told.precision == pytest.approx(1 / 3)
    assert told.coverage == 0.5
    assert told.false_accepts == 1


def test_without_anything_to_divide_by_there_is_no_ratio() -> None:
    told = score(())
    assert (told.precision, told.precision_at_least, told.coverage) == (None, None, None)


def test_the_curve_has_a_point_for_every_confidence_and_ends_where_we_are() -> None:
    points = curve(ROWS)
    assert [point.confidence for point in points] == [0.99, 0.95, 0.9]
    assert [point.coverage for point in points] == [0.25, 0.25, 0.5]
    assert [point.precision for point in points] == pytest.approx([1.0, 0.5, 1 / 3])
    assert curve((row("abstain", Action.DIRECT),)) == ()


def test_decisions_that_are_as_sure_as_each_other_are_one_point() -> None:
    assert [point.coverage for point in curve((row("direct", Action.DIRECT), row("direct", Action.DIRECT)))] == [1.0]


def test_mistakes_come_surest_first_and_what_was_missed_is_told() -> None:
    told = report(ROWS)
    assert [mistake.row_id for mistake in told.mistakes] == ["worst", "worse"]
    assert [missed.row_id for missed in told.missed] == ["missed", "left"]
    assert told.confusion[("direct", "clarify")] == 1
    assert told.by_source["model"].accepted == 3
    assert told.by_language["ko"].rows == 7


@pytest.mark.parametrize(
    ("right", "of", "at_least"),
    [(98, 100, 0.9300), (980, 1000, 0.9693), (0, 10, 0.0), (10, 10, 0.7225), (1, 1, 0.2065)],
)
def test_the_lower_end_of_wilsons_interval(right: int, of: int, at_least: float) -> None:
    assert wilson_lower(right, of) == pytest.approx(at_least, abs=1e-4)


@given(st.integers(1, 10_000), st.data())
def test_more_evidence_of_the_same_ratio_is_never_worth_less(of: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, of))
    assert 0.0 <= wilson_lower(right, of) <= right / of + 1e-9
    assert wilson_lower(10 * right, 10 * of) >= wilson_lower(right, of) - 1e-12


def test_the_text_says_in_words_what_the_numbers_are() -> None:
    told = report_text(report(ROWS), 1234.5)
    assert told.startswith("7 rows judged, 1,234 rows a second.\nAccepted: 3. Right of these: 33.3% (at least 6.1%")
    assert "In scope: 4. Accepted of these: 50.0%." in told
    assert "Out of scope: 3. Accepted of these, which is wrong: 1 (33.3%)." in told
    assert "  worst: 안녕\n      wanted abstain; direct 0.950 why" in told


def test_a_report_on_nothing_has_no_numbers_and_no_examples() -> None:
    told = report_text(report(()))
    assert told.startswith("0 rows judged.\nAccepted: 0. Right of these: – (at least –")
    assert "Worst mistakes, the surest first\n  none" in told
    assert "Nothing was accepted." in report_page(report(()), "empty.jsonl")


def test_long_runs_show_some_points_of_the_curve_and_the_last() -> None:
    rows = [row("direct", Action.DIRECT, confidence / 100) for confidence in range(1, 101)]
    shown = report_text(report(rows)).split("surer than")[1].split("\n\n")[0]
    assert 8 <= shown.count("100.0%") <= 12
    assert "0.010" in shown


def test_the_same_is_told_to_programs() -> None:
    told = report_json(report(ROWS))
    assert told["total"]["coverage"] == 0.5
    assert {"expected": "direct", "outcome": "clarify", "rows": 1} in told["confusion"]
    assert told["mistakes"][0]["expected"] == ["abstain"]
    assert len(told["curve"]) == 3


def test_the_page_stands_alone_and_what_users_wrote_is_escaped() -> None:
    hostile = row("abstain", Action.DIRECT, text="<script>alert(1)</script>", row_id="<b>")
    page = report_page(report((*ROWS, hostile)), "<i>.jsonl")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>" not in page.split("Worst mistakes")[1]
    assert "<i>" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<polyline" in page


def test_a_curve_of_high_precision_is_shown_from_where_it_is() -> None:
    page = report_page(report([row("direct", Action.DIRECT, 0.9)]), "x")
    assert "93.0%" in page
    low = report_page(report([row("direct", Action.CLARIFY, 0.9)]), "x")
    assert ">0.0%<" in low


def test_a_name_may_hold_several_outcomes() -> None:
    expected = expectation_of({"expect": ["direct", "clarify"]})
    assert expected == Expectation("direct or clarify", frozenset({"direct", "clarify"}))
