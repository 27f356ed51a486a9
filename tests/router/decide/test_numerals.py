import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.numerals import CARDINALS, NATIVE, ORDINALS, sino

DIGITS = " 일이삼사오육칠팔구"


def spelt(number: int, *, one: bool) -> str:
    """A number below ten thousand as it is read aloud; `one`: 일백, and not 백."""
    word = ""
    for place, name in ((1000, "천"), (100, "백"), (10, "십"), (1, "")):
        digit = number // place % 10
        if digit:
            word += (DIGITS[digit] if digit > 1 or one or place == 1 else "") + name
    return word


@given(st.integers(1, 9999), st.booleans())
def test_a_number_that_is_read_aloud_is_that_number(number: int, one: bool) -> None:
    word = spelt(number, one=one)
    assert sino(word) == number
    assert sino(" ".join(word)) == number


@pytest.mark.parametrize("word", ["이삼", "십백", "백천", "십십"])
def test_what_is_no_number_is_none(word: str) -> None:
    with pytest.raises(ValueError, match=word):
        sino(word)


def test_the_words_of_each_language_count_up() -> None:
    assert [NATIVE[word] for word in ("한", "열", "열두", "스무", "스물네")] == [1, 10, 12, 20, 24]
    assert [CARDINALS[word] for word in ("one", "nineteen", "twenty one", "fifty five")] == [1, 19, 21, 55]
    assert [ORDINALS[word] for word in ("first", "twelfth", "twentieth", "thirty first")] == [1, 12, 20, 31]
