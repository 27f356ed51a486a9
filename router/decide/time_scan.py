# ruff: noqa: E501 - patterns: a line is a word family
"""A text read as the words of time in it, in one pass.

Rules of this file
- Pure. What begins like a word of time is looked at, everything else is stepped over.
- A word stands at the beginning of what is written together, or right behind another word of time (내일오후3시에).
- Numbers are read together with their unit: 삼 alone is no number here, 삼일 and 삼월 are.
"""

import re
from collections.abc import Callable, Iterable

from router.decide.named_days import NAMED_DAYS
from router.decide.numerals import CARDINALS, NATIVE, ORDINALS, SINO_WORD, one_of, sino
from router.decide.patterns import lazy
from router.decide.time_words import (
    AM,
    AWAY_EN,
    AWAY_KO,
    DAY,
    ENGLISH,
    HOUR,
    KIND,
    KOREAN,
    LOOSE_TAILS,
    MINUTE,
    MONTH,
    NOT_BEFORE,
    PHRASES,
    PM,
    SECOND,
    SPACED,
    TAILS,
    UNITS_EN,
    WEEK,
    YEARS,
    Meaning,
    Token,
    meaning,
)

_UNIT_OF = {"일": DAY, "주": WEEK, "주일": WEEK, "주간": WEEK, "개월": MONTH, "달": MONTH}
_NATIVE_UNITS = "시간|주일|주간|주(?![식소문제기택차년민인변])|달(?![러력리성래라걀마콤])|시(?=반|에|회의|미팅|약속|부터|까지|쯤|경|정각|로|으로|이후|전|후|와|과|는|은|이|의|를|인|[삼사오이십]|[^가-힣]|$)"
_SPOKEN_DAY = "일(?=에|엔|은|는|의|이|을|과|와|하고|부터|까지|날|로|간|동안|전|후|뒤|이내|마다|자|저녁|오[전후]|아침|밤|[월화수목금토일]요일|[^가-힣]|$)"
_SINO_UNITS = rf"개월|시간|년도|년|월달|월(?![드급요])|주일|주간|주(?![식소문제기택차년민인변])|{_SPOKEN_DAY}|분(?![위석야류실노쇄홍당들])|초(?=[^가-힣]|$|간|동안|후|뒤|전)|시(?=\s?[일이삼사오육칠팔구십]+\s?분)"
_DIGIT_UNITS = "개월|시간|년도|년|월달|월(?![드급])|주일|주간|주(?![식소문제기택차년민인변])|달(?![러력리])|일(?![치차째])|시(?!리즈)|분(?![위석야류실])|초(?![등기보안과])"


def _any(words: Iterable[str]) -> str:
    """Regular expression for any of the words, which a look at the first letter mostly answers."""
    words = list(words)
    return f"(?=[{''.join(sorted({word[0] for word in words}))}])(?:{one_of(words)})"


_COUNT_EN = rf"(?P<count>[0-9]{{1,4}}|{_any([*CARDINALS, 'an', 'a', 'few'])})[\s-]+(?P<count_unit>{one_of(UNITS_EN)})(?:(?<!sec)(?<!second)|(?=s))s?(?:'s|')?(?![0-9a-z])"
_YEAR_EN = (
    rf"(?P<thousand>two\sthousand|one\sthousand\snine\shundred)(?:\sand)?(?:\s(?P<odd>{one_of(CARDINALS)}))?(?![a-z])"
    rf"|(?P<century>nineteen|twenty)\s(?P<decade>{one_of(name for name, value in CARDINALS.items() if value >= 10)})(?![a-z])"
)
_DIGITS = rf"""(?P<year>\d{{4}})(?P<dot>[-./])\s?(?P<month>\d{{1,2}})(?P=dot)\s?(?P<date>\d{{1,2}})(?!\d)\.?
|(?P<slash_month>\d{{1,2}})/(?P<slash>\d{{1,2}})(?![\d/])
|(?P<clock_hour>\d{{1,2}}):(?P<clock>\d{{2}})(?!:?\d)
|(?P<ordinal>\d{{1,2}})(?:st|nd|rd|th)(?![a-z])
|(?P<digits>\d{{1,4}})\s?(?P<digit_unit>{_DIGIT_UNITS})
|(?P<number>\d{{1,4}})(?=\s?[ap]\.?\s?m\b|[\s~,?!)-]|\.(?!\d)|$)"""
_LATIN = rf"""{_YEAR_EN}
|(?:(?P<phrase>{_any(PHRASES)})|(?P<pair>{_any(word for word in (*CARDINALS, *ORDINALS) if " " in word)})|(?P<holiday_en>{_any(name for name in NAMED_DAYS if name.isascii())})
|(?P<away_en>{_any(AWAY_EN)})\s(?P<away_unit>weekend|week|month|year)s?)(?:'?s|')?(?![0-9a-z])
|(?P<meridiem>[ap])\.?\s?m\b\.?
|(?P<english>[a-z]+)(?:'s)?(?![0-9])"""


def _spelt(word: str) -> str:
    """Regular expression for a Korean word of time: with its space, and not running into another word."""
    cut = SPACED.get(word)
    spelt = rf"{word[:cut]}\s?{word[cut:]}" if cut else word
    return rf"{spelt}(?!{NOT_BEFORE[word]})" if word in NOT_BEFORE else spelt


_HANGUL = rf"""(?P<away_ko>{one_of(AWAY_KO)})\s?(?P<away_ko_unit>주말|주(?![년식소문제기])|달(?![러력리성래라걀]))
|(?P<holiday_ko>{one_of(name for name in NAMED_DAYS if not name.isascii())})
|(?P<word>{"|".join(map(_spelt, sorted(KOREAN, key=len, reverse=True)))})
|(?P<leap>윤)(?=\s?(?:달|[0-9일이삼사오육칠팔구십]+\s?월))
|(?P<native>열\s(?:한|두)|{one_of(NATIVE)})\s?(?P<native_unit>{_NATIVE_UNITS})
|(?P<sino>{SINO_WORD})\s?(?P<sino_unit>{_SINO_UNITS})
|(?P<apart>(?:{one_of(TAILS)})(?![가-힣])|반(?=(?:에|부터|까지|쯤|경|으로)(?![가-힣])))"""
_FIRST_HANGUL = "".join(
    sorted(
        {word[0] for word in (*KOREAN, *NATIVE, *TAILS, *AWAY_KO, *NAMED_DAYS) if word[0] >= "가"}
        | {*"일이삼사오육칠팔구십백천유시윤"}
    )
)
_SCAN = lazy(
    rf"(?<![0-9a-z가-힣/.:_])(?:{_COUNT_EN}|(?=[0-9])(?:{_DIGITS})|(?=[a-z])(?:{_LATIN})|(?=[{_FIRST_HANGUL}])(?:{_HANGUL})|(?P<sign>[~-]))",
    re.VERBOSE,
)
_TAIL = lazy(rf"(?P<tail>{one_of(TAILS)})(?![가-힣])|(?P<loose>{one_of(LOOSE_TAILS)})")


def scan(text: str) -> tuple[str, list[Token]]:
    """The words of time in folded `text`: their kinds as a sentence, and themselves. `gap` is between strangers."""
    low = _lowered(text)
    tokens: list[Token] = []
    at = 0
    while found := _SCAN.search(low, at):
        start, at = found.span()
        read = _READERS[found.lastgroup or ""](found)
        if not read:
            continue
        _put(tokens, low, read, start, at)
        at = _written_on(tokens, low, at)
    return "".join([token.kind for token in tokens]), tokens


def _written_on(tokens: list[Token], low: str, at: int) -> int:
    """What is written against a word of time: particles, and further words of time. Where that ends."""
    while at < len(low) and low[at] not in " ,.?!":
        tail = _TAIL.match(low, at)
        if tail:
            read, end = TAILS[tail[0]], tail.end()
        else:
            found = _SCAN.match(low[at:])
            read = _READERS[found.lastgroup or ""](found) if found else ()
            end = at + found.end() if found else at
        if not read:
            return at
        _put(tokens, low, read, at, end)
        at = end
    return at


def _put(tokens: list[Token], low: str, read: Meaning, start: int, end: int) -> None:
    if tokens and low[tokens[-1].end : start].strip(" ,()"):
        tokens.append(Token(_GAP, (), start, start))
    for kind, values in read:
        tokens.append(Token(kind, values, start, end))


def _lowered(text: str) -> str:
    """In lower case and of the same length, so that places fit."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


def _korean_count(number: int, unit: str, *, weak: bool = False) -> Meaning:
    match unit:
        case "일":
            return meaning("weak_day" if weak else "day", number)
        case "월" | "월달":
            return meaning("month", number)
        case "시":
            return meaning("hour", number, 0)
        case "분":
            return meaning("minutes", number)
        case "초":
            return meaning("seconds", number)
        case "시간":
            return meaning("hours", number)
        case "년도":
            return meaning("year", number)
        case "년":
            return meaning("year" if number >= 1000 else "year_or_count", number)
        case _:
            return meaning("count", number, _UNIT_OF[unit])


def _digits(found: re.Match[str]) -> Meaning:
    written = found["digits"]
    if found["digit_unit"] == "시":
        return meaning("hour", int(written), int(written[0] == "0"))
    return _korean_count(int(written), found["digit_unit"])


def _sino(found: re.Match[str]) -> Meaning:
    written, unit = found["sino"], found["sino_unit"]
    if unit in {"월", "월달"} and written in {"육", "십"}:
        return meaning("month", sino(written))
    try:
        return _korean_count(sino(written), unit, weak=len(written) == 1 and written != "십")
    except ValueError:
        return ()


def _native(found: re.Match[str]) -> Meaning:
    return _korean_count(NATIVE[found["native"].replace(" ", "")], found["native_unit"])


def _count_en(found: re.Match[str]) -> Meaning:
    written, unit = _plain(found["count"]), UNITS_EN[found["count_unit"]]
    number = int(written) if written.isdigit() else CARDINALS.get(written, 1)
    if unit == HOUR:
        return meaning("hours", number)
    if unit == MINUTE:
        return meaning("minutes", number)
    if unit == SECOND:
        return meaning("seconds", number)
    return meaning("count", number, unit)


def _number(found: re.Match[str]) -> Meaning:
    number = int(found["number"])
    if number in YEARS:
        return meaning("bare_year", number)
    return meaning("number", number, int(found["number"][0] == "0"), _is_free(found))


def _thousand(found: re.Match[str]) -> Meaning:
    return meaning("bare_year", _THOUSANDS[_plain(found["thousand"])] + CARDINALS.get(_plain(found["odd"] or ""), 0))


def _century(found: re.Match[str]) -> Meaning:
    return meaning("bare_year", 100 * CARDINALS[found["century"]] + CARDINALS[_plain(found["decade"])])


def _away_en(found: re.Match[str]) -> Meaning:
    return meaning(_KINDS_AWAY[found["away_unit"]], AWAY_EN[_plain(found["away_en"])])


def _away_ko(found: re.Match[str]) -> Meaning:
    return meaning(_KINDS_AWAY[found["away_ko_unit"]], AWAY_KO[_plain(found["away_ko"])])


def _pair(found: re.Match[str]) -> Meaning:
    word = _plain(found["pair"])
    return (
        meaning("number", CARDINALS[word], 0, _is_free(found)) if word in CARDINALS else _ordinal(ORDINALS[word], found)
    )


def _english(found: re.Match[str]) -> Meaning:
    read = ENGLISH.get(found["english"], ())
    if read and read[0][0] == _ORDINAL:
        return _ordinal(read[0][1][0], found)
    return meaning("number", read[0][1][0], 0, _is_free(found)) if read and read[0][0] == _NUMBER else read


def _ordinal(value: int, found: re.Match[str]) -> Meaning:
    return meaning("ordinal", value, _is_free(found))


def _is_free(found: re.Match[str]) -> int:
    """1 where no noun follows: in "the first meeting" and "for six people" is no day and no time."""
    return int(_NOUN.match(found.string, found.end()) is None)


def _holiday(found: re.Match[str]) -> Meaning:
    name = _plain(found[found.lastgroup or ""])
    return meaning("holiday", NAMED_DAYS[name])


def _plain(written: str) -> str:
    return " ".join(written.replace("-", " ").split())


_GAP, _ORDINAL, _NUMBER = KIND["gap"], KIND["ordinal"], KIND["number"]
_NOUN = lazy(
    r"\s+(?!(?:at|on|from|for|of|and|to|through|till|until|in|with|is|i|please|as|that|my|the|this|a|what|which|tomorrow|today|tonight|every|next|each|\w+day)\b)[a-z]"
)
_KINDS_AWAY = {
    "week": "away_week",
    "month": "away_month",
    "year": "away_year",
    "weekend": "weekend",
    "주": "away_week",
    "달": "away_month",
    "주말": "weekend",
}
_THOUSANDS = {"two thousand": 2000, "one thousand nine hundred": 1900}
_READERS: dict[str, Callable[[re.Match[str]], Meaning]] = {
    "count_unit": _count_en,
    "date": lambda found: meaning("date", int(found["year"]), int(found["month"]), int(found["date"])),
    "slash": lambda found: meaning("slash", int(found["slash_month"]), int(found["slash"])),
    "clock": lambda found: meaning(
        "clock", int(found["clock_hour"]), int(found["clock"]), int(found["clock_hour"][0] == "0")
    ),
    "ordinal": lambda found: _ordinal(int(found["ordinal"]), found),
    "digit_unit": _digits,
    "number": _number,
    "thousand": _thousand,
    "odd": _thousand,
    "decade": _century,
    "phrase": lambda found: PHRASES[_plain(found["phrase"])],
    "pair": _pair,
    "holiday_en": _holiday,
    "holiday_ko": _holiday,
    "away_unit": _away_en,
    "away_ko_unit": _away_ko,
    "meridiem": lambda found: meaning("meridiem", AM if found["meridiem"] == "a" else PM),
    "english": _english,
    "word": lambda found: KOREAN[found["word"].replace(" ", "")],
    "leap": lambda _found: meaning("leap"),
    "native_unit": _native,
    "sino_unit": _sino,
    "apart": lambda found: TAILS[found["apart"]],
    "sign": lambda found: TAILS[found["sign"]],
}
