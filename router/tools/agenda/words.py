"""What the calendar says, in Korean and English.

Rules of this file
- Pure. Titles come from outside: they are told in one line each, and never as a sentence of Maek's.
"""

from collections.abc import Sequence
from datetime import date

from router.language import pick
from router.tools.agenda.entries import Entry, by_day

MOST_CONFLICTS = 5
"""Told of one draft; a fuller day is seen by asking for it."""
LONGEST_TITLE = 200
"""Characters of a title that are told."""
NOT_KEPT_KO = (
    "이 연결에서는 초안을 기억할 수 없어서 아직 등록할 수 없어요. "
    "등록하려면 x-maek-session 헤더로 대화 이름을 보내거나 /chat으로 말씀해 주세요."
)
NOT_KEPT_EN = (
    "It cannot be kept over this connection, so a yes would not save it. "
    "To save it, name the conversation in the header x-maek-session, or use /chat."
)
"""To whoever names no session; found again in the history that such a caller keeps."""
_WEEKDAYS_KO = "월화수목금토일"
_WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS_EN = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def listing(language: str, entries: Sequence[Entry], first: date, last: date, today: date) -> str:
    """The entries of those days, a paragraph a day; a plain sentence where there are none."""
    days = by_day(entries, first, last)
    if not days:
        return _nothing(language, first, last, today)
    return "\n\n".join(
        "\n".join((day_name(language, day, today), *(f"- {_line(language, one, day)}" for one in found)))
        for day, found in days.items()
    )


def day_name(language: str, day: date, today: date) -> str:
    """11월 26일 목요일; with the year where it is another one than today's."""
    year = day.year != today.year
    weekday = day.weekday()
    return pick(
        language,
        ko=f"{day.year}년 " * year + f"{day.month}월 {day.day}일 {_WEEKDAYS_KO[weekday]}요일",
        en=f"{_WEEKDAYS_EN[weekday]}, {day.day} {_MONTHS_EN[day.month - 1]}" + f" {day.year}" * year,
    )


def described(language: str, entry: Entry, today: date) -> str:
    """The entry in words: its day, its time and its title."""
    when = f"{day_name(language, entry.first_day, today)} {_times(language, entry, entry.first_day)}"
    return pick(language, ko=f"{when} '{_title(language, entry)}'", en=f"'{_title(language, entry)}', {when}")


def drafted(language: str, entry: Entry, conflicting: Sequence[Entry], today: date, *, kept: bool) -> str:
    """What will be written, what else is at that time, and how to say yes; `kept`: whether a yes can be taken."""
    what = described(language, entry, today)
    if kept:
        asks = pick(
            language,
            ko=f"{what} 일정을 등록할까요? '응'이라고 하시면 등록해요.",
            en=f"{what}: shall I save it? Say yes and it is done.",
        )
    else:
        asks = pick(
            language,
            ko=f"{what} 일정의 초안이에요. {NOT_KEPT_KO}",
            en=f"{what}: this is a draft. {NOT_KEPT_EN}",
        )
    return "\n".join((asks, *_conflict_lines(language, conflicting, today)))


def saved(language: str, entry: Entry, today: date) -> str:
    """After the yes."""
    what = described(language, entry, today)
    return pick(language, ko=f"{what} 일정을 등록했어요.", en=f"Saved: {what}.")


def expired(language: str) -> str:
    """No draft waits any more."""
    return pick(
        language,
        ko="등록할 초안이 없어요. 초안은 10분 동안만 기억해요. 일정을 다시 말씀해 주시면 새로 준비할게요.",
        en="There is no draft to save; drafts are kept for 10 minutes. Tell me the entry again and I will prepare it.",
    )


def no_such_moment(language: str) -> str:
    """The clocks go forward over the time."""
    return pick(
        language,
        ko="그날은 서머타임이 시작되어 그 시각이 없어요. 다른 시각으로 말씀해 주세요.",
        en="The clocks go forward that day, so there is no such time. Please choose another.",
    )


def too_long(language: str, most_days: int) -> str:
    """More days were asked for than are looked at."""
    return pick(
        language,
        ko=f"일정은 한 번에 {most_days}일까지만 볼 수 있어요. 기간을 줄여 주세요.",
        en=f"At most {most_days} days can be looked at together. Please ask for fewer.",
    )


def unreadable(language: str, file: str) -> str:
    """The file is no calendar."""
    return pick(
        language,
        ko=f"데이터 폴더의 일정 파일 {file}을(를) 읽을 수 없어요. iCalendar 형식이 아니거나 깨졌어요. "
        "파일은 그대로 두었으니 고치거나 다른 곳으로 옮긴 뒤 다시 시도해 주세요.",
        en=f"The calendar file {file} in the data folder cannot be read: it is damaged or no iCalendar file. "
        "It was left as it is; repair it or move it away, then try again.",
    )


def unreachable(language: str, file: str, reason: str) -> str:
    """The disk does not let us."""
    return pick(
        language,
        ko=f"데이터 폴더의 일정 파일 {file}을(를) 쓸 수 없어요 ({reason}). 아무것도 바뀌지 않았어요.",
        en=f"The calendar file {file} in the data folder cannot be used ({reason}). Nothing was changed.",
    )


def left_out(language: str, unreadable: int) -> str:
    """After a listing that is not whole; nothing where it is."""
    if not unreadable:
        return ""
    return pick(
        language,
        ko=f"\n\n읽을 수 없는 항목 {unreadable}개는 빠져 있어요.",
        en=f"\n\nLeft out, because they make no sense: {unreadable}.",
    )


def _nothing(language: str, first: date, last: date, today: date) -> str:
    if first == last:
        day = day_name(language, first, today)
        return pick(language, ko=f"{day}에는 일정이 없어요.", en=f"There is nothing on {day}.")
    days = day_name(language, first, today), day_name(language, last, today)
    return pick(
        language,
        ko=f"{days[0]}부터 {days[1]}까지는 일정이 없어요.",
        en=f"There is nothing from {days[0]} to {days[1]}.",
    )


def _conflict_lines(language: str, conflicting: Sequence[Entry], today: date) -> tuple[str, ...]:
    if not conflicting:
        return ()
    left = len(conflicting) - MOST_CONFLICTS
    more = (pick(language, ko=f"- 그 밖에 {left}개", en=f"- and {left} more"),) if left > 0 else ()
    told = (f"- {described(language, one, today)}" for one in conflicting[:MOST_CONFLICTS])
    return (pick(language, ko="같은 시간에 다른 일정이 있어요:", en="At the same time there is already:"), *told, *more)


def _line(language: str, entry: Entry, day: date) -> str:
    return f"{_times(language, entry, day)} {_title(language, entry)}"


def _times(language: str, entry: Entry, day: date) -> str:
    """When it is on that day. What goes beyond the day has three dots on that side."""
    before, after = entry.first_day < day, entry.last_day > day
    if entry.all_day or (before and after):
        return pick(language, ko="종일", en="all day")
    if entry.begins == entry.ends:
        return f"{entry.begins:%H:%M}"
    begins = "…" if before else f"{entry.begins:%H:%M}"
    ends = "…" if after else f"{entry.ends:%H:%M}"
    return f"{begins}–{ends}"


def _title(language: str, entry: Entry) -> str:
    line = " ".join(entry.title.split())
    if len(line) > LONGEST_TITLE:
        line = line[:LONGEST_TITLE] + "…"
    return line or pick(language, ko="(제목 없음)", en="(no title)")
