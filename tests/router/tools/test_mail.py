"""What the email tool says, before a mailbox that stands at its protocol."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from typing import Any

import pytest

from router.errors import ToolFailed
from router.tools.call import call
from router.tools.letters import Attachment, Found, Letter, Mailbox, MailFailed, Opened, Trouble
from router.tools.mail import build
from router.tools.spec import ToolResult
from tests.router.tools.given import NOW, ctx

KIM = Letter("5-abcdefgh", "INBOX", NOW, "김부장 <kim@example.com>", "회의", True)
BARE = Letter("4-abcdefgh", "INBOX", datetime(2026, 11, 24, 9, 5, tzinfo=NOW.tzinfo), "", "", False)
NOTHING = Found((), False)
OPENED = Opened(KIM, "<ada@example.com>", "첫 줄\n\n둘째 줄", False, ())


@dataclass
class Box:
    """Stands at Mailbox and Mailboxes; remembers what it was asked."""

    found: Found = NOTHING
    opened: Opened = OPENED
    trouble: MailFailed | None = None
    mine: bool = True
    asked: list[Any] = field(default_factory=list)
    timeout_seconds: float = 20.0

    def of(self, owner: str) -> Mailbox | None:
        self.asked.append(owner)
        return self if self.mine else None

    async def search(self, query: str, since: date, zone: tzinfo | None) -> Found:
        self.asked.append((query, since, zone))
        if self.trouble:
            raise self.trouble
        return self.found

    async def read(self, uid: str, zone: tzinfo | None) -> Opened:
        self.asked.append((uid, zone))
        if self.trouble:
            raise self.trouble
        return self.opened


async def used(box: Box, operation: str, language: str = "ko", **params: Any) -> ToolResult:
    return await call({"email": build(box)}, "email", operation, params, ctx(language=language))


async def said(box: Box, operation: str = "search", language: str = "ko", **params: Any) -> str:
    return (await used(box, operation, language, **params)).text


@pytest.mark.parametrize(("days", "since"), [(1, date(2026, 11, 25)), (7, date(2026, 11, 19))])
async def test_days_count_today_in_the_zone_of_the_call(days: int, since: date) -> None:
    box = Box()
    await used(box, "search", query="x", days=days)
    assert box.asked == ["anonymous", ("x", since, NOW.tzinfo)]


@pytest.mark.parametrize(
    ("language", "params", "text"),
    [
        ("ko", {}, "최근 7일 동안 온 메일이 없어요."),
        ("ko", {"days": 1, "query": "회의"}, "오늘 온 '회의' 메일이 없어요."),
        ("en", {}, "There is no mail in the last 7 days."),
        ("en", {"days": 1, "query": "lunch"}, "There is no mail about 'lunch' today."),
    ],
)
async def test_where_nothing_is_found_that_is_said(language: str, params: dict[str, Any], text: str) -> None:
    assert await said(Box(), language=language, **params) == text


async def test_messages_are_told_a_line_each_with_the_uid_that_reads_them() -> None:
    box = Box(Found((KIM, BARE), False))
    assert await said(box) == (
        "최근 7일 동안 온 메일 2통이에요.\n"
        "1. 2026-11-25 10:00 · 김부장 <kim@example.com> · 회의 (안 읽음) [uid 5-abcdefgh]\n"
        "2. 2026-11-24 09:05 · (보낸 사람 없음) · (제목 없음) [uid 4-abcdefgh]"
    )
    assert (await said(box, language="en")).splitlines()[:2] == [
        "2 messages in the last 7 days.",
        "1. 2026-11-25 10:00 · 김부장 <kim@example.com> · 회의 (unread) [uid 5-abcdefgh]",
    ]


@pytest.mark.parametrize(
    ("found", "ko", "en"),
    [
        (Found((KIM,), True), "더 있지만", "There are more"),
        (Found((KIM,), False, bodies=False), "본문까지 다 찾아보지는 못했어요", "not enough to search all texts"),
        (Found((), False, looked_at=300), "새 메일 300통의 보낸 사람과 제목만", "sender and subject of the newest 300"),
    ],
)
async def test_how_complete_it_is_is_said(found: Found, ko: str, en: str) -> None:
    assert ko in (await said(Box(found), query="회의")).splitlines()[-1]
    assert en in (await said(Box(found), language="en", query="x")).splitlines()[-1]


async def test_a_message_is_quoted_line_by_line_and_what_is_attached_is_listed() -> None:
    files = (Attachment("a.pdf", "application/pdf", 57_000), Attachment("", "image/png", 12),
             Attachment("b.zip", "application/zip", 2_500_000))  # fmt: skip
    assert await said(Box(opened=replace(OPENED, attachments=files, cut=True)), "read", uid="5-abcdefgh") == (
        "제목: 회의\n보낸 사람: 김부장 <kim@example.com>\n받는 사람: <ada@example.com>\n"
        "받은 때: 2026-11-25 10:00 (INBOX)\n\n"
        "> 첫 줄\n>\n> 둘째 줄\n\n(길어서 여기까지만 옮겼어요)\n\n"
        "첨부 파일 (내려받지 않았어요)\n- a.pdf (application/pdf, 57 kB)\n- (이름 없음) (image/png, 12 B)\n"
        "- b.zip (application/zip, 2.5 MB)"
    )


async def test_a_message_without_anything_is_told_too() -> None:
    empty = Opened(BARE, "", "", False, ())
    assert await said(Box(opened=empty), "read", "en", uid="4-abcdefgh") == (
        "Subject: (no subject)\nReceived: 2026-11-24 09:05 (INBOX)\n\n> (there is no text that can be read)"
    )


async def test_what_comes_from_outside_is_marked_for_programs() -> None:
    search = (await used(Box(Found((KIM,), True)), "search")).data
    assert search["from_outside"] is True
    assert search["messages"] == [
        {"uid": "5-abcdefgh", "folder": "INBOX", "arrived": "2026-11-25T10:00:00+09:00",
         "sender": "김부장 <kim@example.com>", "subject": "회의", "unread": True}
    ]  # fmt: skip
    read = (await used(Box(), "read", uid="5-abcdefgh")).data
    assert (read["from_outside"], read["text"], read["attachments"]) == (True, "첫 줄\n\n둘째 줄", [])


@pytest.mark.parametrize("operation", ["search", "read"])
@pytest.mark.parametrize("trouble", Trouble)
async def test_every_trouble_is_a_sentence_in_both_languages(operation: str, trouble: Trouble) -> None:
    box = Box(trouble=MailFailed(trouble, "detail"))
    sentences = []
    for language in ("ko", "en"):
        with pytest.raises(ToolFailed) as raised:
            await used(box, operation, language, **({"uid": "x"} if operation == "read" else {}))
        sentences.append(raised.value.message)
    assert sentences[0] != sentences[1]
    assert all(("(detail)" in one) == (trouble in {Trouble.TLS, Trouble.FOLDER}) for one in sentences)


@pytest.mark.parametrize(
    ("language", "piece"), [("ko", "연결된 메일 계정이 없어요"), ("en", "No mail account belongs")]
)
async def test_a_key_without_an_account_is_told_which_option_connects_one(language: str, piece: str) -> None:
    with pytest.raises(ToolFailed) as raised:
        await used(Box(mine=False), "search", language)
    assert piece in raised.value.message
    assert "router.tools.email.accounts" in raised.value.message


def test_there_are_two_operations_and_neither_writes() -> None:
    operations = build(Box()).operations
    assert list(operations) == ["search", "read"]
    assert not any(operation.writes for operation in operations.values())
