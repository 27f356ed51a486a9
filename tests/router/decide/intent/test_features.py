"""A text's pieces: the same for everything that a user does not mean."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.folding import fold
from router.decide.intent.features import MAX_CHARACTERS, features, plain


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("내일 일정", unicodedata.normalize("NFD", "내일 일정")),
        ("내일 ABC", "내일 ＡＢＣ"),
        ("가나", "ᄀ\u1161나"),
        ("Hello There", "hello there!!"),
        ("내일 3시", "내일 7시"),
        ("what's up", "what’s up"),
        ("회의\u200b록", "회의록"),
        ("오늘   일정", "오늘 일정"),
        ("오늘\t일정", "오늘 일정"),
    ],
)
def test_what_a_user_does_not_mean_is_not_seen(written: str, same: str) -> None:
    assert features(written) == features(same)


def test_korean_without_its_spaces_has_the_same_runs_of_characters() -> None:
    runs = {piece for piece in features("오늘 일정 알려줘") if piece[0] not in "=<>"}
    assert runs <= features("오늘일정알려줘")


def test_english_words_end_where_they_end() -> None:
    assert " ma" in features("my mail")
    assert "yma" not in features("my mail")


def test_words_pairs_and_ends_are_told_apart() -> None:
    assert features("가 나") == {"=가", "=나", "=가 나", "<가", ">나", "^가", "가나", "나$", "^가나", "가나$", "^가나$"}


@pytest.mark.parametrize("nothing", ["", "   ", "?!…", "\u200b", "😀"])
def test_a_text_without_letters_and_digits_has_no_pieces(nothing: str) -> None:
    assert features(nothing) == set()


def test_of_a_pasted_book_only_the_beginning_is_looked_at() -> None:
    assert features("가" * MAX_CHARACTERS) == features("가" * 100_000)


@given(st.text(max_size=60))
def test_any_text_has_pieces_and_folding_it_before_changes_none(text: str) -> None:
    assert features(text) == features(text)
    assert plain(fold(text)).split() == plain(text).split()
