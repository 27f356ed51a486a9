"""Numbers as people write and say them in dates: 3, 세, 열한, 이십, 사흘, three.

Rules of this file
- Pure tables. Only numbers that dates and times need; what is not here is not a number to the grammar.
"""

_NATIVE = {
    "한": 1,
    "두": 2,
    "세": 3,
    "네": 4,
    "다섯": 5,
    "여섯": 6,
    "일곱": 7,
    "여덟": 8,
    "아홉": 9,
    "열": 10,
    "열한": 11,
    "열두": 12,
}
_SINO_DIGITS = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
_ENGLISH_NAMES = "one two three four five six seven eight nine ten eleven twelve"

NATIVE: dict[str, int] = _NATIVE
"""Counting words before 시, 시간, 달."""
SINO: dict[str, int] = {
    "십": 10,
    **_SINO_DIGITS,
    **{f"십{digit}": 10 + value for digit, value in _SINO_DIGITS.items()},
    **{f"{ten}십": 10 * value for ten, value in _SINO_DIGITS.items() if value > 1},
    **{
        f"{ten}십{digit}": 10 * tens + value
        for ten, tens in _SINO_DIGITS.items()
        if tens > 1
        for digit, value in _SINO_DIGITS.items()
    },
}
"""Reading words before 분 and 일: 1 to 99."""
MONTHS: dict[str, int] = {
    **{name: value for name, value in SINO.items() if value <= 12 and name not in {"육", "십"}},
    "유": 6,
    "육": 6,
    "시": 10,
    "십": 10,
}
"""Reading words before 월, with their changed forms: 유월, 시월."""
DAY_COUNTS: dict[str, int] = {
    "하루": 1,
    "이틀": 2,
    "사흘": 3,
    "나흘": 4,
    "닷새": 5,
    "엿새": 6,
    "일주일": 7,
    "여드레": 8,
    "아흐레": 9,
    "열흘": 10,
    "보름": 15,
}
"""Words that say how many days by themselves."""
ENGLISH: dict[str, int] = {"a": 1, "an": 1, **{name: n for n, name in enumerate(_ENGLISH_NAMES.split(), 1)}}

SINO_WORD = "(?:[이삼사오육칠팔구]?십[일이삼사오육칠팔구]?|[일이삼사오육칠팔구])"
"""Regular expression for the words of SINO; a hundred alternatives would take a hundred times as long to compile."""

_ALL = {**NATIVE, **SINO, **MONTHS, **DAY_COUNTS, **ENGLISH}


def number(text: str) -> int:
    """The value of digits or of a word of this file. KeyError for anything else; the patterns let nothing else by."""
    return int(text) if text.isdigit() else _ALL[text.lower()]


def one_of(words: dict[str, int]) -> str:
    """Regular expression for any of the words, the longest first."""
    return "|".join(sorted(words, key=len, reverse=True))
