"""The words that dates and times are made of, in Korean and English.

Rules of this file
- Pure tables. A line is a family; what a word means is its kind and numbers.
- A word has a kind and numbers, and no language: the grammar of `dates` and `clock` is one for both.
"""

from typing import NamedTuple

from router.decide.numerals import CARDINALS, DAY_COUNTS, ORDINALS

AM, PM, NOON, NIGHT = range(4)
"""The values of `part` and `meridiem`. The hours of each: `clock`."""
DAY, WEEK, MONTH, YEAR, HOUR, MINUTE, SECOND = range(7)
"""The units of `count`, `lasts` and `away`."""

_KINDS = (
    "gap near away coming away_week away_month away_year weekend month maybe_month day weak_day ordinal weekday year "
    "bare_year year_or_count date slash part meridiem hour clock minutes seconds half quarter sharp named hours count "
    "recent ahead ago later from range until of plain between lasting within repeat edge edge_word holiday lunar leap "
    "moon_month moon_day nth week_unit number at by before in for on the and past oclock hundred now rest unit"
)
KIND = {name: chr(0x100 + at) for at, name in enumerate(_KINDS.split())}
"""Name of a kind → the character that stands for it in a sentence of kinds."""

YEARS = range(1900, 2200)
"""Years that people make appointments and look for mail in; others are slips of the pen."""


class Token(NamedTuple):
    """A word of time: what it is, its numbers, and where it stands."""

    kind: str
    values: tuple[int, ...]
    start: int
    end: int


Meaning = tuple[tuple[str, tuple[int, ...]], ...]
"""The tokens that a word stands for: mostly one."""


def meaning(kind: str, *values: int) -> Meaning:
    """One token of that kind."""
    return ((KIND[kind], values),)


def _all(kind: str, words: dict[str, int]) -> dict[str, Meaning]:
    return {word: meaning(kind, value) for word, value in words.items()}


def _like(kind: str, words: str) -> dict[str, Meaning]:
    return dict.fromkeys(words.split(), meaning(kind))


_WEEKDAYS_KO = "월화수목금토일"
_WEEKDAYS_EN = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_MONTHS_EN = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NTH = ("첫", "두", "세", "네", "다섯")
_LAST_NIGHT = (*meaning("near", -1), *meaning("part", NIGHT))
_TONIGHT = (*meaning("near", 0), *meaning("part", NIGHT))

KOREAN: dict[str, Meaning] = {
    **_all(
        "near",
        {
            "그끄저께": -3,
            "그저께": -2,
            "그제": -2,
            "엊그제": -2,
            "엊그저께": -2,
            "어제": -1,
            "오늘": 0,
            "금일": 0,
            "내일": 1,
            "명일": 1,
            "모레": 2,
            "내일모레": 2,
            "글피": 3,
            "그글피": 4,
            "다음날": 1,
        },
    ),
    **_all(
        "away_year",
        {
            "재작년": -2,
            "작년": -1,
            "지난해": -1,
            "올해": 0,
            "금년": 0,
            "이번해": 0,
            "이번년도": 0,
            "내년": 1,
            "다음해": 1,
            "후년": 2,
            "내후년": 2,
        },
    ),
    **_all("away_month", {"이달": 0, "금월": 0, "내달": 1, "익월": 1}),
    **_all("weekend", {"주말": 0}),
    **_all("weekday", {f"{day}{end}": at for at, day in enumerate(_WEEKDAYS_KO) for end in ("요일", "욜")}),
    **_all("part", {"오전": AM, "아침": AM, "새벽": AM, "오후": PM, "저녁": PM, "낮": NOON, "점심": NOON, "밤": NIGHT}),
    **dict.fromkeys(("어젯밤", "어제밤", "간밤", "지난밤"), _LAST_NIGHT),
    **_all("named", {"정오": NOON, "자정": NIGHT}),
    **{word: meaning("count", value, DAY) for word, value in DAY_COUNTS.items()},
    "일주일": meaning("count", 1, WEEK),
    **{f"{word}째": meaning("nth", at) for at, word in enumerate(("첫", "둘", "셋", "넷", "다섯"), 1)},
    **{f"{word}번째": meaning("nth", at) for at, word in enumerate(_NTH, 1)},
    "첫주": (*meaning("nth", 1), *meaning("week_unit")),
    "마지막": meaning("nth", -1),
    **_all("edge_word", {"월초": 1, "월중순": 2, "월말": 3, "연초": 4, "년초": 4, "연말": 6, "년말": 6, "주초": 7}),
    **_all("moon_month", {"정월": 1, "동짓달": 11, "섣달": 12}),
    **_all(
        "moon_day",
        {f"초{word}": value for word, value in DAY_COUNTS.items() if value <= 10} | {"그믐": -1, "대보름": 15},
    ),
    **_like("lunar", "음력"),
    **_like("on", "양력"),
    **_like("recent", "최근 근래"),
    **_like("ahead", "앞으로 향후"),
    **_like("coming", "오는 다가오는 돌아오는"),
    **_like("now", "지금 현재"),
    **_like("sharp", "정각"),
    **_like("repeat", "매주 매일 매월 매달 매년 격주"),
    **_all("away", {"지난": -1, "저번": -1, "이번": 0, "요번": 0, "다음": 1}),
}
"""Words that may be followed by anything but what `NOT_BEFORE` says."""

SPACED = {
    **dict.fromkeys(("내일모레", "다음날", "지난해", "이번해", "이번년도", "다음해", "어제밤", "지난밤"), 2),
    **dict.fromkeys(("올해", "이달", "첫주"), 1),
    **{f"{word}째": len(word) for word in ("첫", "둘", "셋", "넷", "다섯")},
    **{f"{word}번째": len(word) for word in _NTH},
}
"""Words that are also written apart, and after how many syllables."""
NOT_BEFORE = {
    "오늘": "날(?!씨)",
    "그제": "야|서야",
    "낮": "[은게추잠춰아다]",
    "밤": "[새낚고나]",
    "연말": "정산",
    "오는": "[가-힣]",
    "하루": "[카살]",
    "다음날": "씨",
    "이달": "력",
    "열흘": "[가-힣]",
}
"""What a word must not run into, because it is another word then."""

TAILS: dict[str, Meaning] = {
    **_like("from", "부터 에서부터 에서"),
    **_like("until", "까지"),
    **_like("of", "의"),
    **_like("plain", "에는 엔 에 은 는 으로 로 날 이 가 을 를 도 만 쯤에 쯤 경에 경 중에 중 인 이야 이니"),
    **_like("between", "사이에 사이의 사이"),
    **_like("and", "와 과 하고 이랑 랑"),
    **_like("range", "~ -"),
    **_like("lasting", "동안의 동안에 동안 간의 간 짜리 내내"),
    **_like("within", "이내에 이내 내에 안에 안으로"),
    **_like("repeat", "마다"),
    **_like("ago", "이전에 이전 전에 전"),
    **_like("later", "이후에 이후 후에 후 뒤에 뒤 있다가"),
    **_all("edge", {"초순": 1, "초": 1, "중순": 2, "하순": 3, "말일": 4, "말": 3}),
    **_like("half", "반"),
    **_like("week_unit", "주"),
}
"""What follows a word of time. Written against it, or apart as a word of its own."""
LOOSE_TAILS = frozenset(("간의", "간", "짜리", "까지", "부터", "동안", "~", "-", "반", "전", "후", "뒤", "에서"))

AWAY_KO = {
    "지지난": -2,
    "저저번": -2,
    "지난": -1,
    "저번": -1,
    "이번": 0,
    "요번": 0,
    "금": 0,
    "다음": 1,
    "담": 1,
    "오는": 1,
    "다가오는": 1,
    "돌아오는": 1,
    "다다음": 2,
    "다 다음": 2,
    "차": 1,
}
AWAY_EN = {"last": -1, "this": 0, "this coming": 1, "next": 1, "coming": 1, "following": 1}
UNITS_EN = {
    "day": DAY,
    "week": WEEK,
    "month": MONTH,
    "year": YEAR,
    "hour": HOUR,
    "minute": MINUTE,
    "min": MINUTE,
    "second": SECOND,
    "sec": SECOND,
}

ENGLISH: dict[str, Meaning] = {
    **_all("near", {"yesterday": -1, "yesterdays": -1, "today": 0, "todays": 0, "tomorrow": 1, "tomorrows": 1}),
    "tonight": _TONIGHT,
    "tonights": _TONIGHT,
    **_all("weekday", {name: at for at, name in enumerate(_WEEKDAYS_EN)}),
    **_all("weekday", {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4}),
    **{f"{name}s": (*meaning("weekday", at), *meaning("repeat")) for at, name in enumerate(_WEEKDAYS_EN)},
    **_all("month", {name: at for at, name in enumerate(_MONTHS_EN, 1)}),
    # Names and other words as well: alone they are no months.
    **_all("maybe_month", {name[:3]: at for at, name in enumerate(_MONTHS_EN, 1)}),
    **_all("maybe_month", {"sept": 9, "march": 3}),
    **_all("number", CARDINALS),
    **_all("ordinal", ORDINALS),
    **_all("part", {"morning": AM, "mornings": AM, "afternoon": PM, "evening": PM, "evenings": PM, "night": NIGHT}),
    **_all("named", {"noon": NOON, "midday": NOON, "noontime": NOON, "midnight": NIGHT}),
    **_all("away", {"last": -1, "this": 0, "next": 1}),
    **_all("unit", {f"{name}s": value for name, value in UNITS_EN.items()}),
    **_all("unit", {name: value for name, value in UNITS_EN.items() if value != SECOND}),
    **_all("weekend", {"weekend": 0, "weekends": 0}),
    **_all("edge", {"beginning": 1, "start": 1, "early": 1, "middle": 2, "mid": 2, "end": 3, "late": 3}),
    **_like("coming", "coming following"),
    **_like("recent", "recent"),
    **_like("past", "past"),
    **_like("ago", "ago back"),
    **_like("range", "to through thru"),
    **_like("until", "until till til"),
    **_like("by", "by"),
    **_like("from", "from between since starting"),
    **_like("later", "later hence after"),
    **_like("before", "before"),
    **_like("at", "at around"),
    **_like("on", "on"),
    **_like("in", "in within during"),
    **_like("for", "for"),
    **_like("of", "of"),
    **_like("the", "the"),
    **_like("and", "and"),
    **_like("half", "half"),
    **_like("quarter", "quarter"),
    **_like("hundred", "hundred"),
    **_like("oclock", "oclock"),
    **_like("repeat", "every each daily weekly monthly yearly annually everyday"),
    **_like("now", "now"),
    **_like("rest", "rest remainder"),
}
PHRASES: dict[str, Meaning] = {
    **_all("near", {"day after tomorrow": 2, "day before yesterday": -2, "next day": 1}),
    "last night": _LAST_NIGHT,
    "yesterday night": _LAST_NIGHT,
    "half an hour": meaning("minutes", 30),
    "half hour": meaning("minutes", 30),
    "couple of days": meaning("count", 2, DAY),
    "and a half": meaning("half"),
    "from now": meaning("later"),
    "o'clock": meaning("oclock"),
    "o clock": meaning("oclock"),
    "week after next": meaning("away_week", 2),
    "weekend after next": meaning("weekend", 2),
}
