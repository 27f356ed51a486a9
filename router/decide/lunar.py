"""Dates of the Korean lunar calendar.

Rules of this file
- Pure: a table of moons that never changes. The library that holds it is loaded when the first lunar date is asked for.
- The table ends with lunar 2050: what is later does not exist to it, and is told so.
"""

from datetime import date


def solar(year: int, month: int, day: int, *, leap: bool = False) -> date:
    """The day of a lunar date; day -1 is the last of its month. ValueError: there is no such date."""
    if day == -1:
        try:
            return solar(year, month, 30, leap=leap)
        except ValueError:
            return solar(year, month, 29, leap=leap)
    from korean_lunar_calendar import KoreanLunarCalendar  # noqa: PLC0415 - few messages speak of the moon

    calendar = KoreanLunarCalendar()
    if not calendar.setLunarDate(year, month, day, leap):
        raise ValueError(f"no such lunar date: {year}-{month}-{day}")
    return date(calendar.solarYear, calendar.solarMonth, calendar.solarDay)
