"""Numbers as people write and say them in dates: 3, 세, 열한, 이십, 천구백구십, three, twenty fifth.

Rules of this file
- Pure. Only numbers that dates and times need; what is not here is not a number to the grammar.
"""

from collections.abc import Iterable

_TENS_OF_ENGLISH = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_UNDER_TWENTY = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_ORDINALS_UNDER_TWENTY = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth"
)
_ENGLISH_UNITS = {name: value for value, name in enumerate(_UNDER_TWENTY.split(), 1)}
_ORDINALS = {name: value for value, name in enumerate(_ORDINALS_UNDER_TWENTY.split(), 1)}
_NATIVE_UNITS = {
    "한": 1,
    "두": 2,
    "세": 3,
    "네": 4,
    "다섯": 5,
    "여섯": 6,
    "일곱": 7,
    "여덟": 8,
    "아홉": 9,
}
_SINO_DIGITS = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9, "유": 6}
_SINO_PLACES = {"십": 10, "백": 100, "천": 1000, "시": 10}
"""With the changed forms of 유월 and 시월."""

NATIVE: dict[str, int] = {
    **_NATIVE_UNITS,
    # As people mistype it, and as MASSIVE does.
    "여덞": 8,
    "열": 10,
    **{f"열{name}": 10 + value for name, value in _NATIVE_UNITS.items()},
    "스무": 20,
    **{f"스물{name}": 20 + value for name, value in _NATIVE_UNITS.items()},
}
"""Counting words before 시, 시간, 달, 주: 1 to 29."""

CARDINALS: dict[str, int] = {
    **_ENGLISH_UNITS,
    **_TENS_OF_ENGLISH,
    **{
        f"{ten} {unit}": tens + _ENGLISH_UNITS[unit]
        for ten, tens in _TENS_OF_ENGLISH.items()
        for unit in _UNDER_TWENTY.split()[:9]
    },
}
"""English number words, 1 to 99."""

ORDINALS: dict[str, int] = {
    **_ORDINALS,
    "twelveth": 12,
    "twentieth": 20,
    "thirtieth": 30,
    **{
        f"{ten} {name}": _TENS_OF_ENGLISH[ten] + value
        for ten in ("twenty", "thirty")
        for name, value in list(_ORDINALS.items())[:9]
    },
}
"""English ordinal words, 1st to 39th."""

DAY_COUNTS: dict[str, int] = {
    "하루": 1,
    "이틀": 2,
    "사흘": 3,
    "나흘": 4,
    "닷새": 5,
    "엿새": 6,
    "이레": 7,
    "여드레": 8,
    "아흐레": 9,
    "열흘": 10,
    "보름": 15,
}
"""Words that say how many days by themselves."""

SINO_WORD = "[일이삼사오육칠팔구십백천유시](?:\\s?[일이삼사오육칠팔구십백천])*"
"""Regular expression that every reading word matches, and things that are no number: `sino` tells."""


def sino(text: str) -> int:
    """The value of a reading word such as 이십삼 or 천구백구십. ValueError: that is no number (이삼)."""
    total = digit = 0
    place = 10_000
    for character in text.replace(" ", ""):
        if character in _SINO_DIGITS:
            if digit:
                raise ValueError(text)
            digit = _SINO_DIGITS[character]
        else:
            if _SINO_PLACES[character] >= place:
                raise ValueError(text)
            place = _SINO_PLACES[character]
            total, digit = total + (digit or 1) * place, 0
    return total + digit


def one_of(words: Iterable[str]) -> str:
    """Regular expression for any of the words, the longest first; a space in one is any white space."""
    return "|".join(word.replace(" ", r"[\s-]+") for word in sorted(words, key=len, reverse=True))
