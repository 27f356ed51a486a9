"""Mail: searching and reading. Sending is not among the operations, and never will be.

Rules of this file
- Read only: nothing here moves, marks or deletes a message, and a `Mailbox` has no way to.
- What is in a mail is a stranger's writing. It is shown as a quotation and marked in the data; it is never followed.
- Users are kept apart: the mailbox is that of the call's owner.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated, Any

from router.errors import ToolFailed
from router.language import pick
from router.tools.letters import Attachment, Found, Letter, Mailbox, Mailboxes, MailFailed, Opened, Trouble
from router.tools.parameters import Params, described
from router.tools.spec import Operation, Run, Tool, ToolCall, ToolResult
from router.tools.unconfigured import refusing

log = logging.getLogger(__name__)

NAME = "email"
DEFAULT_DAYS = 7
MAX_DAYS = 366
OPTION = "router.tools.email.accounts"
UNCONFIGURED_SECONDS = 20.0
GRACE_SECONDS = 2.0
"""The mailbox ends a question by itself, and says more about it than the deadline of the call."""

TROUBLES: Mapping[Trouble, tuple[str, str]] = {
    Trouble.UID: (
        "그 번호(uid)의 메일을 찾지 못했어요. 옮겨졌거나 지워졌을 수 있으니 다시 검색해 주세요.",
        "There is no message of this uid, or not any more. Search again: the search tells the uids.",
    ),
    Trouble.LOGIN: (
        "메일 서버가 로그인을 거절했어요. 설정의 사용자 이름과 (앱) 비밀번호를 확인해 주세요.",
        "The mail server refused the login. Check username and (app) password in the configuration.",
    ),
    Trouble.SECRET: (
        f"메일 비밀번호를 읽지 못했어요. {OPTION}의 password가 가리키는 곳을 확인해 주세요.",
        f"The mail password could not be read. Check what password under {OPTION} refers to.",
    ),
    Trouble.TLS: (
        "메일 서버와 안전한 연결을 맺지 못했어요. 인증서와 설정의 host, security, ca_file을 확인해 주세요.",
        "There is no trusted connection to the mail server. Check its certificate, and host, security and ca_file.",
    ),
    Trouble.FOLDER: (
        "설정에 있는 메일함을 열지 못했어요. 메일함 이름을 확인해 주세요.",
        "A folder of the configuration could not be opened. Check its name.",
    ),
    Trouble.SERVER: (
        "메일 서버의 답을 이해하지 못했어요. 잠시 뒤에 다시 시도해 주세요.",
        "The mail server's answer made no sense. Try again later.",
    ),
}


class Search(Params):
    """Words to look for (none: every message) in the last days, today included."""

    query: Annotated[
        str, described(ko="찾을 말이나 보낸 사람, 비우면 전부", en="words or sender to look for; empty: everything")
    ] = ""
    days: Annotated[
        int, described(ko="오늘까지 며칠치", en="how many days back, today included", ge=1, le=MAX_DAYS)
    ] = DEFAULT_DAYS


class Read(Params):
    """One message."""

    uid: Annotated[
        str, described(ko="메일 번호(uid)", en="the message's uid", min_length=1, coerce_numbers_to_str=True)
    ]


def build(mailboxes: Mailboxes | None) -> Tool:
    """The tool over these mailboxes; without any, it is known and answers how to set it up."""
    if mailboxes is None:
        return unconfigured()
    mail = _Mail(mailboxes)
    return _tool(mail.search, mail.read, mailboxes.timeout_seconds + GRACE_SECONDS, configured=True)


def unconfigured() -> Tool:
    """Mail before any account is connected."""
    run = refusing(NAME)
    return _tool(run, run, UNCONFIGURED_SECONDS, configured=False)


def _tool(search: Run, read: Run, timeout_seconds: float, *, configured: bool) -> Tool:
    operations = (
        Operation("search", "메일 검색", "search mail", Search, search, timeout_seconds=timeout_seconds),
        Operation("read", "메일 한 통 읽기", "read one message", Read, read, timeout_seconds=timeout_seconds),
    )
    return Tool(
        NAME,
        "메일 (읽기 전용)",
        "mail (read only)",
        {operation.name: operation for operation in operations},
        configured=configured,
    )


@dataclass(frozen=True, slots=True)
class _Mail:
    mailboxes: Mailboxes

    async def search(self, call: ToolCall, params: Any) -> ToolResult:
        """The newest messages that have the words, with how to read one."""
        since = call.now.date() - timedelta(days=params.days - 1)
        try:
            found = await self._mailbox(call).search(params.query, since, call.now.tzinfo)
        except MailFailed as error:
            raise _failed(call, error) from error
        lines = [_heading(call, found, params.query, params.days)]
        lines += [_line(call, number, letter) for number, letter in enumerate(found.letters, 1)]
        lines += _remarks(call, found, params.query)
        data = {
            "from_outside": True,
            "messages": [_row(letter) for letter in found.letters],
            "more": found.more,
            "bodies_searched": found.bodies and found.looked_at is None,
        }
        return ToolResult("\n".join(lines), data)

    async def read(self, call: ToolCall, params: Any) -> ToolResult:
        """A message, quoted, with what is attached."""
        try:
            opened = await self._mailbox(call).read(params.uid, call.now.tzinfo)
        except MailFailed as error:
            raise _failed(call, error) from error
        data = {
            "from_outside": True,
            "message": _row(opened.letter) | {"recipients": opened.recipients},
            "text": opened.text,
            "cut": opened.cut,
            "attachments": [asdict(one) for one in opened.attachments],
        }
        return ToolResult("\n".join(_opened_lines(call, opened)), data)

    def _mailbox(self, call: ToolCall) -> Mailbox:
        mailbox = self.mailboxes.of(call.owner)
        if mailbox is None:
            raise ToolFailed(
                _say(
                    call,
                    ko=f"이 키에 연결된 메일 계정이 없어요. 설정 파일의 {OPTION}에서 연결할 수 있어요.",
                    en=f"No mail account belongs to this key. The option {OPTION} connects one.",
                )
            )
        return mailbox


def _failed(call: ToolCall, error: MailFailed) -> ToolFailed:
    log.info("mail cannot be asked reason=%s", error)
    ko, en = TROUBLES[error.trouble]
    shown = error.trouble in {Trouble.TLS, Trouble.FOLDER}
    return ToolFailed(_say(call, ko=ko, en=en) + (f" ({error.detail})" if shown else ""))


def _say(call: ToolCall, *, ko: str, en: str) -> str:
    return pick(call.language, ko=ko, en=en)


def _heading(call: ToolCall, found: Found, query: str, days: int) -> str:
    count = len(found.letters)
    about_ko, about_en = (f" '{query}'", f" about '{query}'") if query else ("", "")
    period_ko, period_en = ("오늘", "today") if days == 1 else (f"최근 {days}일 동안", f"in the last {days} days")
    if not count:
        return _say(
            call,
            ko=f"{period_ko} 온{about_ko} 메일이 없어요.",
            en=f"There is no mail{about_en} {period_en}.",
        )
    return _say(
        call,
        ko=f"{period_ko} 온{about_ko} 메일 {count}통이에요.",
        en=f"{count} {'message' if count == 1 else 'messages'}{about_en} {period_en}.",
    )


def _line(call: ToolCall, number: int, letter: Letter) -> str:
    unread = _say(call, ko=" (안 읽음)", en=" (unread)") if letter.unread else ""
    subject = letter.subject or _say(call, ko="(제목 없음)", en="(no subject)")
    sender = letter.sender or _say(call, ko="(보낸 사람 없음)", en="(no sender)")
    return f"{number}. {letter.arrived:%Y-%m-%d %H:%M} · {sender} · {subject}{unread} [uid {letter.uid}]"


def _remarks(call: ToolCall, found: Found, query: str) -> list[str]:
    """What the user must know about how complete this is."""
    told = []
    if found.more:
        told.append(
            _say(
                call,
                ko="더 있지만 가장 새 메일만 보여 드려요. 찾을 말이나 기간을 좁혀 보세요.",
                en="There are more; only the newest are shown. Narrow the words or the days.",
            )
        )
    if found.looked_at is not None:
        told.append(
            _say(
                call,
                ko=f"이 메일 서버는 '{query}' 같은 말을 찾지 못해서, "
                f"새 메일 {found.looked_at}통의 보낸 사람과 제목만 살펴봤어요.",
                en=f"This mail server cannot search for '{query}', so only sender and subject of the newest "
                f"{found.looked_at} messages were looked at.",
            )
        )
    elif not found.bodies:
        told.append(
            _say(
                call,
                ko="시간이 모자라 본문까지 다 찾아보지는 못했어요. 기간을 줄이면 본문도 찾아볼 수 있어요.",
                en="The time was not enough to search all texts. With fewer days they can be searched too.",
            )
        )
    return told


def _opened_lines(call: ToolCall, opened: Opened) -> list[str]:
    letter = opened.letter
    rows = (
        (_say(call, ko="제목", en="Subject"), letter.subject or _say(call, ko="(제목 없음)", en="(no subject)")),
        (_say(call, ko="보낸 사람", en="From"), letter.sender),
        (_say(call, ko="받는 사람", en="To"), opened.recipients),
        (_say(call, ko="받은 때", en="Received"), f"{letter.arrived:%Y-%m-%d %H:%M} ({letter.folder})"),
    )
    lines = [f"{name}: {value}" for name, value in rows if value]
    text = opened.text or _say(call, ko="(읽을 수 있는 본문이 없어요)", en="(there is no text that can be read)")
    lines += ["", *(f"> {line}" if line else ">" for line in text.split("\n"))]
    if opened.cut:
        lines += ["", _say(call, ko="(길어서 여기까지만 옮겼어요)", en="(cut here, it is too long)")]
    if opened.attachments:
        lines += ["", _say(call, ko="첨부 파일 (내려받지 않았어요)", en="Attached (not fetched)")]
        lines += [f"- {_attachment(call, one)}" for one in opened.attachments]
    return lines


def _attachment(call: ToolCall, one: Attachment) -> str:
    name = one.name or _say(call, ko="(이름 없음)", en="(no name)")
    return f"{name} ({one.kind}, {_size(one.size_bytes)})"


def _size(size_bytes: int) -> str:
    if size_bytes < 1000:
        return f"{size_bytes} B"
    return f"{size_bytes / 1000:.0f} kB" if size_bytes < 1_000_000 else f"{size_bytes / 1_000_000:.1f} MB"


def _row(letter: Letter) -> dict[str, Any]:
    return asdict(letter) | {"arrived": letter.arrived.isoformat()}
