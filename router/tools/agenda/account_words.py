"""What goes wrong with an account of a calendar server, in Korean and English.

Rules of this file
- Pure. One sentence says what is wrong, the next what to do. Nothing in them is a secret, an address or an answer of
  a server; the name of an account is the operator's.
"""

from collections.abc import Mapping
from enum import StrEnum

from router.language import pick
from router.tools.agenda.store import CalendarFailed

LONGEST_DETAIL = 300
"""Characters; names of calendars come from outside."""
INSTALL = "pip install 'maek[caldav]'"


class Trouble(StrEnum):
    """What can be wrong with an account."""

    NO_LIBRARY = "no_library"
    NO_ACCOUNT = "no_account"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    UNTRUSTED = "untrusted"
    PASSWORD_REFUSED = "password_refused"  # noqa: S105 - a word, not a password
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    NO_CALDAV = "no_caldav"
    NO_CALENDAR = "no_calendar"
    TOO_LARGE = "too_large"
    BUSY = "busy"
    SERVER_FAILED = "server_failed"
    ELSEWHERE = "elsewhere"
    UNKNOWN_CALENDAR = "unknown_calendar"
    CHOOSE_CALENDAR = "choose_calendar"
    READ_ONLY = "read_only"
    NOT_WRITTEN = "not_written"
    UNSURE = "unsure"


class AccountFailed(CalendarFailed):
    """An account is of no use now. `detail` is told where the sentence has a place for it."""

    def __init__(self, trouble: Trouble, account: str = "", detail: str = "") -> None:
        super().__init__(f"{trouble} {account}".strip())
        self.trouble = trouble
        self.account = account
        self.detail = detail

    def told(self, language: str) -> str:
        """See `CalendarFailed`."""
        detail = _plain(self.detail)
        ko, en = _SENTENCES[self.trouble]
        return pick(language, ko=ko, en=en).format(account=self.account, detail=detail, install=INSTALL)


_SENTENCES: Mapping[Trouble, tuple[str, str]] = {
    Trouble.NO_LIBRARY: (
        "일정 서버에 연결할 라이브러리가 없어요. Maek을 설치한 곳에서 {install} 을 실행하고 Maek을 다시 시작해 주세요.",
        "The library for calendar servers is missing. Run {install} where Maek is installed, and start Maek again.",
    ),
    Trouble.NO_ACCOUNT: (
        "이 키에는 연결된 일정 계정이 없어요. 관리자에게 router.tools.calendar.accounts에 키를 넣어 달라고 해 주세요.",
        "No calendar account belongs to this key. Ask the operator to name it under router.tools.calendar.accounts.",
    ),
    Trouble.UNREACHABLE: (
        "일정 계정 {account}의 서버에 연결하지 못했어요. 서버가 켜져 있고 주소가 맞는지 확인하고 다시 시도해 주세요.",
        (
            "The server of the calendar account {account} cannot be reached. Check that it runs and that the address "
            "is right, then try again."
        ),
    ),
    Trouble.TIMED_OUT: (
        "일정 계정 {account}의 서버가 제때 답하지 않았어요. 잠시 뒤에 다시 시도해 주세요.",
        "The server of the calendar account {account} did not answer in time. Try again later.",
    ),
    Trouble.UNTRUSTED: (
        (
            "일정 계정 {account}의 서버 인증서를 믿을 수 없어서 연결하지 않았어요. 직접 만든 인증서라면 그 파일을 "
            "ca_file에 적어 주세요."
        ),
        (
            "The certificate of the server of the calendar account {account} is not trusted, so nothing was sent. If "
            "you made it yourself, name its file in ca_file."
        ),
    ),
    Trouble.PASSWORD_REFUSED: (
        "일정 계정 {account}의 이름이나 비밀번호를 서버가 거절했어요. 앱 비밀번호가 필요한 서버인지 확인해 주세요.",
        (
            "The server refused the user name or password of the calendar account {account}. Check whether it wants an "
            "app password."
        ),
    ),
    Trouble.FORBIDDEN: (
        "일정 계정 {account}에는 이 일정을 볼 권한이 없다고 서버가 답했어요. 서버에서 공유 권한을 확인해 주세요.",
        "The server says that the calendar account {account} may not see this. Check its rights on the server.",
    ),
    Trouble.NOT_FOUND: (
        "일정 계정 {account}의 주소에 일정이 없어요 (HTTP 404). router.tools.calendar.accounts의 url을 확인해 주세요.",
        (
            "There is no calendar at the address of the calendar account {account} (HTTP 404). Check its url under "
            "router.tools.calendar.accounts."
        ),
    ),
    Trouble.NO_CALDAV: (
        "일정 계정 {account}의 서버가 CalDAV가 아닌 답을 했어요. url이 CalDAV 주소인지 확인해 주세요.",
        (
            "What the server of the calendar account {account} answered is not CalDAV. Check that its url is a CalDAV "
            "address."
        ),
    ),
    Trouble.NO_CALENDAR: (
        "일정 계정 {account}에서 캘린더를 찾지 못했어요. url을 확인하거나 서버에서 캘린더를 하나 만들어 주세요.",
        "The calendar account {account} has no calendar. Check its url, or make a calendar on the server.",
    ),
    Trouble.TOO_LARGE: (
        "일정 계정 {account}의 서버가 너무 긴 답을 보냈어요. 기간을 줄여서 다시 물어봐 주세요.",
        "The answer of the server of the calendar account {account} is too long. Ask for fewer days.",
    ),
    Trouble.BUSY: (
        "일정 계정 {account}의 서버가 지금은 바쁘다고 해요. 잠시 뒤에 다시 시도해 주세요.",
        "The server of the calendar account {account} says that it is busy. Try again later.",
    ),
    Trouble.SERVER_FAILED: (
        "일정 계정 {account}의 서버에 문제가 생겼어요 (HTTP {detail}). 잠시 뒤에 다시 시도해 주세요.",
        "The server of the calendar account {account} failed (HTTP {detail}). Try again later.",
    ),
    Trouble.ELSEWHERE: (
        "일정 계정 {account}의 서버가 다른 주소로 보내서 따라가지 않았어요. url에 최종 주소를 적어 주세요.",
        (
            "The server of the calendar account {account} points to another address, which Maek does not follow. Put "
            "the final address into its url."
        ),
    ),
    Trouble.UNKNOWN_CALENDAR: (
        "일정 계정 {account}에 설정에 적힌 캘린더가 없어요. 있는 캘린더: {detail}",
        "The calendar account {account} does not have the calendar that is configured. It has: {detail}",
    ),
    Trouble.CHOOSE_CALENDAR: (
        "일정 계정 {account}에는 캘린더가 여럿이에요. 등록할 캘린더를 설정의 write에 적어 주세요: {detail}",
        "The calendar account {account} has several calendars. Name the one for new entries in its write: {detail}",
    ),
    Trouble.READ_ONLY: (
        "일정 계정 {account}의 서버가 이 캘린더에는 쓸 수 없다고 했어요. 아무것도 등록하지 않았어요.",
        "The server does not let the calendar account {account} write to this calendar. Nothing was saved.",
    ),
    Trouble.NOT_WRITTEN: (
        "일정 계정 {account}에 등록하지 못했어요. 서버에 그 일정이 없으니 잠시 뒤에 다시 '응'이라고 해 주세요.",
        "It could not be saved to the calendar account {account}; it is not there. Say yes again in a moment.",
    ),
    Trouble.UNSURE: (
        "일정 계정 {account}의 서버와 연결이 끊겨 등록되었는지 몰라요. 다시 '응'이라고 하시면 한 번만 등록해요.",
        (
            "The connection to the calendar account {account} broke, so it is not known whether the entry was saved. "
            "Say yes again: Maek looks, and saves it once only."
        ),
    ),
}


def _plain(detail: str) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in detail).split())
    return line if len(line) <= LONGEST_DETAIL else line[:LONGEST_DETAIL] + "…"
