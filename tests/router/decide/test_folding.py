import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.folding import fold, terms_pattern


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_folded_text_has_no_loose_white_space(text: str) -> None:
    folded = fold(text)
    assert folded == " ".join(folded.split())


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ＡＳＭＥ　Section", "ASME Section"),
        ("메일", "메일"),
        ("3시〜5시", "3시~5시"),
        ("3시–5시", "3시-5시"),
        ("today’s", "today's"),
        ("오\u200b늘", "오늘"),
        ("  한  줄\n두 줄 ", "한 줄 두 줄"),
        ("ｶﾞ", "ガ"),
    ],
)
def test_widths_signs_and_composition_are_made_plain(written: str, folded: str) -> None:
    assert fold(written) == folded


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("함수를 그려줘", "함수"),
        ("함수에서는", "함수"),
        ("산업안전보건법은?", "산업안전보건법"),
        ("산업 안전 보건법 제6장", "산업안전보건법"),
        ("ASME의 규격", "asme"),
        ("asme section viii", "ASME Section VIII"),
        ("nas company 상태", "nas-company"),
        ("nas-company", "nas company"),
    ],
)
def test_a_term_is_found_with_its_particles_and_spaces(text: str, term: str) -> None:
    assert terms_pattern(("xyz", term)).search(text)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("함수율", "함수"),
        ("고함수", "함수"),
        ("asmex", "ASME"),
        ("매일 정리", "일정"),
        ("안 전하세요", "안전"),
        ("아무 말", ""),
        ("a - b", "-"),
    ],
)
def test_a_term_is_not_found_inside_another_word(text: str, term: str) -> None:
    assert not terms_pattern((term,)).search(text)
