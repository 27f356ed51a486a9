# ruff: noqa: E501 - a table: a line is a row
"""Days: how words of time are put together to name some, relative to a given day.

Rules of this file
- Pure. A table of (sentence of kinds, reader); of the rows that fit at a place the first wins, so the longer ones come first.
- A reader returns the first and the last day that it means, or None where the words mean no day after all. It may raise
  ValueError or OverflowError: then they name a day that does not exist (2월 30일), which is told, never bent into another day.

What is meant where the words leave it open
- A week runs from Monday to Sunday; "this", "next" and "last" count whole weeks. "다음 주 금요일" and "next Friday" are the
  Friday of next week; a bare weekday is the next one, today included; "지난 금요일" is the one before today.
- A month and day without a year are of this year, or of the next when more than half a year has passed since; a holiday and
  a lunar date are the coming ones.
- A bare day of the month is of this month, or of the next that has one when it has passed.
- A weekday said beside a date must be that date's: "12월 3일 금요일" is looked for in the years around, "friday the
  thirteenth" in the coming months, and told as impossible where there is none.
- "최근 7일" are seven days with today the last, "앞으로 7일" seven with today the first; a month counts 30 days there.
- The beginning, middle and end of a month are its first ten days, the ten after, and the rest; of a year its first month, the
  middle two, and its last.
"""

from collections.abc import Callable, Sequence
from datetime import date

from router.decide import day_readers as reads
from router.decide.calendar_days import Span
from router.decide.time_words import Token

Reader = Callable[[Sequence[Token], date], Span | None]

_MONTH = "(?:month|maybe_month)"
_NOT_A_TIME = "(?! number? meridiem | hundred | oclock )"
_DAY = f"(?:day | weak_day | the? ordinal | number {_NOT_A_TIME})"
_OF = "(?: of | in | plain )? the?"
_OF_YEAR = "(?: of? year | of? bare_year | of? away_year )"
_A_YEAR = "(?:year|bare_year|year_or_count|away_year)"
_COUNTED = "(?:count|day|weak_day)"
_SPAN = "(?:count|day|weak_day|year_or_count)"
_BEFORE_A_DAY = "(?:on|the|for|until|from|before|later|range|by)"
_A_MONTH = f"(?:away_month|{_MONTH}|unit)"

DAYS: tuple[tuple[str, Reader], ...] = (
    ("date weekday?", reads.full_date),
    ("slash weekday?", reads.slash),
    (f"{_A_YEAR}? of? lunar {_A_YEAR}? of? leap? month of? (?:moon_day|count|day|weak_day)", reads.lunar),
    (f"{_A_YEAR}? of? lunar? moon_month of? (?:moon_day|count|day|weak_day)", reads.lunar),
    (f"{_A_YEAR}? of? lunar? month of? moon_day", reads.lunar),
    (f"{_A_YEAR} of? {_MONTH} of? {_DAY} weekday?", reads.month_and_day),
    ("month? (?:day|weak_day|number) (?:from|range) (?:day|weak_day)(?!within|lasting|later|ago)", reads.days_of_month),
    (f"{_MONTH} (?:ordinal|number) (?:range|until) (?:ordinal|number) {_NOT_A_TIME}", reads.days_of_month),
    (f"{_A_YEAR}? of? (?:away_month|{_MONTH}) {_OF} nth week_unit? of? weekday", reads.weekday_of_month),
    (f"weekday? the? {_MONTH} of? {_DAY} {_OF_YEAR}? weekday?", reads.month_and_day),
    (f"the? (?:nth|ordinal|away) weekday {_OF} {_A_MONTH} {_OF_YEAR}?", reads.weekday_of_month),
    (f"(?:away_month|{_MONTH}) of? nth week_unit", reads.nth_week),
    (f"the? ordinal (?:unit|count) {_OF} (?:away_month|{_MONTH})", reads.nth_week),
    (f"weekday? the? ordinal of? {_MONTH} {_OF_YEAR}?", reads.month_and_day),
    (f"number of? {_MONTH} {_OF_YEAR}?", reads.number_and_month),
    (f"(?:recent|past) (?:{_SPAN}|unit) (?:lasting|within|between)?", reads.recent),
    (f"ahead {_SPAN} (?:lasting|within|between)?", reads.ahead),
    (f"away {_SPAN} (?:lasting|within|between)?", reads.recent_or_ahead),
    (f"(?:now|near) from {_COUNTED} (?! later | ago ) lasting?", reads.near_for),
    (f"(?:for|in)? (?: (?:now|near) from )? now? {_SPAN} (?: and? {_COUNTED} )? (?:later|from near)", reads.later),
    ("(?:in|later) count", reads.later),
    (f"{_COUNTED} within", reads.ahead),
    (f"{_SPAN} ago", reads.ago),
    (f"in the (?:away_week|away_month|away_year) (?! of? {_DAY} )", reads.in_the_last),
    ("away (?= part )", reads.day_of_part),
    (f"away_month of? on? {_DAY} weekday?", reads.day_of_month_away),
    ("the? ordinal of? away_month", reads.day_of_month_away),
    ("the? nth weekday", reads.weekday_of_month),
    (f"(?:away_month|away_year|away_week|{_MONTH}) of? edge", reads.edge),
    (f"edge of the? (?:away_month|away_year|away_week|{_MONTH}|unit)", reads.edge),
    ("rest of the? (?:away_month|away_year|away_week|unit)", reads.rest),
    ("edge_word", reads.edge_word),
    ("away_week (?:of|on|plain)? weekday", reads.weekday_of_week),
    ("weekday of? away_week", reads.weekday_of_week),
    ("away_week of? weekend", reads.weekend),
    ("away_week", reads.week_away),
    (f"(?:away_year|year) of? {_MONTH}", reads.month),
    (f"{_MONTH} of? (?:year|bare_year|away_year)", reads.month),
    (f"(?:{_A_YEAR}|away|coming)? of? holiday {_OF_YEAR}?", reads.holiday),
    ("away_month", reads.month_away),
    ("(?:coming|the)? weekend", reads.weekend),
    ("near (?:of|plain)? weekday?", reads.near),
    ("(?:near|coming)? day weekday", reads.day_of_month),
    ("weekday the? ordinal", reads.day_of_month),
    ("(?:away|coming) (?:month|maybe_month)", reads.month),
    ("(?:away|coming)? weekday", reads.weekday),
    ("day (?!lasting|within)", reads.day_of_month),
    ("weak_day (?= plain | from | until | part | hour | weekday )", reads.day_of_month),
    (
        f"{_BEFORE_A_DAY} the? ordinal (?! weekday | unit | count | ordinal | of? {_MONTH} | of away_month )",
        reads.free_ordinal,
    ),
    ("month", reads.month),
    ("(?:in|for|until) maybe_month (?! the? ordinal | number )", reads.month),
    ("for the unit (?! of )", reads.this_unit),
    (f"the? unit of {_MONTH}", reads.month),
    ("(?:year|away_year)", reads.year_alone),
    ("(?:in|of|from) bare_year", reads.year_alone),
)
"""Sentence of kinds → its reader. Names of kinds, with the signs of regular expressions between them."""
