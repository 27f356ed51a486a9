"""Reckoning with days, weeks and months.

Rules of this file
- Pure. A week runs from Monday to Sunday. A day that does not exist is a ValueError, never another day.
"""

from datetime import date, timedelta

Span = tuple[date, date]
"""First and last day."""

HALF_A_YEAR = timedelta(days=183)
"""Further back than this, a date without a year is taken to be the coming one."""


def one(day: date) -> Span:
    """That day alone."""
    return day, day


def plus(today: date, days: int) -> date:
    """So many days later."""
    return today + timedelta(days=days)


def monday(today: date, weeks_away: int) -> date:
    """The Monday of the week so many weeks away."""
    return plus(today, 7 * weeks_away - today.weekday())


def first_of_month(today: date, months_away: int) -> date:
    """The first day of the month so many months away."""
    years, month = divmod(today.month - 1 + months_away, 12)
    return date(today.year + years, month + 1, 1)


def month_of(day: date) -> Span:
    """The whole month of a day."""
    first = day.replace(day=1)
    return first, plus(first_of_month(first, 1), -1)


def months_later(today: date, months: int) -> date:
    """The same day so many months later; of a shorter month the last."""
    first, last = month_of(first_of_month(today, months))
    return first.replace(day=min(today.day, last.day))


def year_of(year: int) -> Span:
    """The whole of a year."""
    return date(year, 1, 1), date(year, 12, 31)


def of_near_year(today: date, month: int, day: int) -> date:
    """That month and day of this year, or of the next when more than half a year has passed since."""
    try:
        this_year = today.replace(month=month, day=day)
    except ValueError:
        # 29 February: of the next year when that has one.
        return date(today.year + 1, month, day)
    return this_year if today - this_year <= HALF_A_YEAR else date(today.year + 1, month, day)


def of_near_month(today: date, day: int) -> date:
    """That day of this month, or of the next month that has one when it has passed."""
    months = (month_of(first_of_month(today, months_away)) for months_away in range(3))
    days = (first.replace(day=day) for first, last in months if day <= last.day)
    coming = next((there for there in days if there >= today), None)
    if coming is None:
        raise ValueError(f"no month has a day {day}")
    return coming


def weekday_ahead(today: date, weekday: int) -> date:
    """The next such weekday, today included."""
    return plus(today, (weekday - today.weekday()) % 7)


def weekday_before(today: date, weekday: int) -> date:
    """The last such weekday before today."""
    return plus(today, -((today.weekday() - weekday - 1) % 7 + 1))


def edge_of(span: Span, edge: int) -> Span:
    """Its beginning (1), middle (2), end (3) or last day (4): thirds of a month, months of a year, days of a week."""
    first, last = span
    if edge == LAST_DAY:
        return one(last)
    if (last - first).days > 31:
        return {BEGINNING: month_of(first), MIDDLE: (first.replace(month=6), last.replace(month=7, day=31))}.get(
            edge, month_of(last)
        )
    if (last - first).days == 6:
        return {BEGINNING: (first, plus(first, 1)), MIDDLE: (plus(first, 2), plus(first, 3))}.get(
            edge, (plus(first, 3), plus(first, 4))
        )
    return {BEGINNING: (first, first.replace(day=10)), MIDDLE: (first.replace(day=11), first.replace(day=20))}.get(
        edge, (first.replace(day=21), last)
    )


BEGINNING, MIDDLE, END, LAST_DAY = 1, 2, 3, 4
