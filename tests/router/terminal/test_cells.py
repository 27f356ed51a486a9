import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.terminal.cells import (
    BARS,
    Span,
    Style,
    ansi,
    cells,
    clean,
    clipped,
    fitted,
    left,
    plain,
    right,
    sparkline,
    wrapped,
)

texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs", "Mn")), max_size=30)
widths = st.integers(0, 40)


@pytest.mark.parametrize(
    ("text", "wide"),
    [
        ("", 0),
        ("busy", 4),
        ("바쁨", 4),
        ("mini 바쁨", 9),
        ("e\u0301", 1),
        ("가", 2),
        ("\u1100\u1161", 2),
        ("▂█", 2),
        ("Ａ", 2),
    ],
)
def test_hangul_takes_two_cells_and_combining_signs_none(text: str, wide: int) -> None:
    assert cells(text) == wide


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        ("mini", 4, "mini"),
        ("mini", 3, "mi…"),
        ("매우 바쁨", 9, "매우 바쁨"),
        ("매우 바쁨", 8, "매우 바…"),
        ("매우 바쁨", 7, "매우 …"),
        ("매우", 1, "…"),
        ("매우", 0, ""),
    ],
)
def test_what_does_not_fit_ends_with_an_ellipsis_and_a_syllable_is_never_halved(
    text: str, most: int, kept: str
) -> None:
    assert clipped(text, most) == kept


@given(texts, widths)
def test_a_padded_text_takes_exactly_its_width(text: str, width: int) -> None:
    assert cells(left(text, width)) == width
    assert cells(right(text, width)) == width


@given(st.lists(texts), widths)
def test_a_fitted_line_is_never_wider_and_whole_if_it_fits(parts: list[str], width: int) -> None:
    line = fitted([Span(part) for part in parts], width)
    whole = "".join(parts)
    assert sum(cells(span.text) for span in line) <= width
    if cells(whole) <= width:
        assert "".join(span.text for span in line) == whole


@given(texts, st.integers(1, 40))
def test_wrapping_loses_no_word_that_fits_and_no_line_is_too_wide(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cells(line) <= width for line in lines)
    if all(cells(word) <= width for word in text.split()):
        assert " ".join(lines).split() == text.split()


def test_a_name_on_the_screen_cannot_paint_elsewhere() -> None:
    assert clean("evil\033[2J\nname\u200b") == "evil?[2J?name?"
    assert clean("맥 mini") == "맥 mini"


def test_colours_are_for_terminals_and_not_for_pipes() -> None:
    line = (Span("mini", Style.BOLD), Span("  busy "))
    assert ansi(line) == "\033[1mmini\033[0m  busy "
    assert plain(line) == "mini  busy"


@pytest.mark.parametrize(
    ("values", "top", "drawn"),
    [
        ([0.0, 0.01, 4.0, 8.0], 8.0, "▁▂▄█"),
        ([None, 0.0, None], 8.0, " ▁ "),
        ([9.0, 100.0], 8.0, "██"),
        ([1.0], 0.0, "▁"),
        ([], 8.0, ""),
    ],
)
def test_a_sparkline_has_one_bar_a_value(values: list[float | None], top: float, drawn: str) -> None:
    assert sparkline(values, top) == drawn


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0.001, 1e9))
def test_more_is_never_drawn_lower(one: float, other: float, top: float) -> None:
    low, high = sorted((one, other))
    drawn = sparkline([low, high], top)
    assert BARS.index(drawn[0]) <= BARS.index(drawn[1])
