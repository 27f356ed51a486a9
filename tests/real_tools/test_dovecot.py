"""The email tool before a real Dovecot: it finds, it reads, and it leaves no trace."""

import asyncio
import base64
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from router.mailbox.connection import Server
from router.mailbox.imap import ImapMailbox
from router.mailbox.searching import LISTED
from router.tools.letters import MailFailed, Trouble
from tests.real_tools.dovecot import PASSWORD, Dovecot, running

pytestmark = pytest.mark.real

ZONE = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 11, 25, 10, 0, tzinfo=ZONE)
SINCE = NOW.date() - timedelta(days=6)
MANY = 100_000


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with running() as server:
        yield server


def mailbox(
    dovecot: Dovecot, user: str, *folders: str, starttls: bool = False, password: str = PASSWORD, seconds: float = 60.0
) -> ImapMailbox:
    """The mailbox of a user there."""
    port = dovecot.starttls_port if starttls else dovecot.tls_port
    server = Server("localhost", port, starttls, str(dovecot.certificate), user, password)
    return ImapMailbox(user, lambda: server, folders or ("INBOX",), seconds)


def message(subject: bytes, body: bytes, content_type: str, sender: bytes = b"Kim <kim@example.com>") -> bytes:
    """Bytes as they lie on a server."""
    head = b"From: %b\r\nTo: ada@example.com\r\nSubject: %b\r\nMIME-Version: 1.0\r\n" % (sender, subject)
    return head + f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode() + body


def word(text: str, charset: str, named: str) -> bytes:
    """A MIME word."""
    return b"=?%b?B?%b?=" % (named.encode(), base64.b64encode(text.encode(charset)))


@pytest.mark.parametrize("starttls", [False, True])
async def test_tls_and_starttls_both_lead_in(dovecot: Dovecot, starttls: bool) -> None:
    user = "starttls" if starttls else "tls"
    dovecot.put(user, message(b"hello", b"there", "text/plain"), NOW)
    there = mailbox(dovecot, user, starttls=starttls)
    (letter,) = (await there.search("", SINCE, ZONE)).letters
    assert (letter.subject, letter.arrived, letter.unread) == ("hello", NOW, True)
    assert (await there.read(letter.uid, ZONE)).text == "there"


async def test_a_wrong_password_is_said_to_be_one(dovecot: Dovecot) -> None:
    with pytest.raises(MailFailed) as raised:
        await mailbox(dovecot, "ada", password="wrong").search("", SINCE, ZONE)
    assert raised.value.trouble is Trouble.LOGIN


@pytest.mark.parametrize(
    ("charset", "named"),
    [("utf-8", "utf-8"), ("euc-kr", "euc-kr"), ("cp949", "ks_c_5601-1987"), ("iso2022_kr", "iso-2022-kr")],
)
async def test_korean_is_found_by_sender_subject_and_text_in_every_encoding(
    dovecot: Dovecot, charset: str, named: str
) -> None:
    user = f"korean-{charset}"
    mail = message(
        word("분기 보고서", charset, named), "내일까지 검토 바랍니다".encode(charset), f"text/plain; charset={named}",
        word("김부장", charset, named) + b" <kim@example.com>",
    )  # fmt: skip
    dovecot.put(user, mail, NOW)
    dovecot.put(user, message(b"other", b"nothing", "text/plain"), NOW)
    there = mailbox(dovecot, user)
    # Dovecot does not know the name that Outlook has for it, so that it cannot look into such a text.
    in_text = () if named.startswith("ks") else ("검토",)
    for query in ("김부장님", "보고서", "분기 김부장", "kim@example.com", *in_text):
        found = await there.search(query, SINCE, ZONE)
        assert "분기 보고서" in [letter.subject for letter in found.letters], query
        assert found.looked_at is None
    (letter,) = (await there.search("보고서", SINCE, ZONE)).letters
    assert letter.sender == "김부장 <kim@example.com>"
    assert (await there.read(letter.uid, ZONE)).text == "내일까지 검토 바랍니다"
    assert (await there.search("없는말", SINCE, ZONE)).letters == ()


async def test_a_charset_that_lies_is_seen_through(dovecot: Dovecot) -> None:
    body = "안녕하세요 회의입니다".encode("cp949")
    dovecot.put("liar", message("회의".encode("euc-kr"), body, "text/plain; charset=utf-8"), NOW)
    there = mailbox(dovecot, "liar")
    (letter,) = (await there.search("", SINCE, ZONE)).letters
    assert letter.subject == "회의"
    assert (await there.read(letter.uid, ZONE)).text == "안녕하세요 회의입니다"


async def test_a_page_is_read_as_text_and_what_is_attached_is_listed_and_not_fetched(dovecot: Dovecot) -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Kim <kim@example.com>", "보고서"
    mail.set_content("<style>p{}</style><p>안녕 <a href='https://x.example/a?t=1'>여기</a></p>", subtype="html")
    mail.add_attachment(b"x" * 3_000_000, maintype="application", subtype="pdf", filename="분기 보고서.pdf")
    dovecot.put("page", mail.as_bytes(), NOW)
    there = mailbox(dovecot, "page")
    (letter,) = (await there.search("", SINCE, ZONE)).letters
    opened = await there.read(letter.uid, ZONE)
    assert opened.text == "안녕 여기 [https://x.example/a]"
    (file,) = opened.attachments
    assert (file.name, file.kind) == ("분기 보고서.pdf", "application/pdf")
    assert file.size_bytes == pytest.approx(3_000_000, rel=0.01)
    assert _sent_bytes(dovecot, "page") < 20_000


async def test_folders_are_searched_together_and_a_uid_leads_back_to_its_folder(dovecot: Dovecot) -> None:
    for folder, hours in (("INBOX", 2), ("Archive", 1)):
        dovecot.put("two", message(folder.encode(), folder.encode(), "text/plain"), NOW - timedelta(hours=hours),
                    folder=folder)  # fmt: skip
    there = mailbox(dovecot, "two", "INBOX", "Archive")
    letters = (await there.search("", SINCE, ZONE)).letters
    assert [letter.folder for letter in letters] == ["Archive", "INBOX"]
    assert [letter.uid.split("-")[0] for letter in letters] == ["1", "1"]
    assert [(await there.read(letter.uid, ZONE)).text for letter in letters] == ["Archive", "INBOX"]
    with pytest.raises(MailFailed) as raised:
        await mailbox(dovecot, "two", "INBOX").read(letters[0].uid, ZONE)
    assert raised.value.trouble is Trouble.UID


async def test_a_folder_that_is_not_there_is_named(dovecot: Dovecot) -> None:
    dovecot.mailbox("ada")
    with pytest.raises(MailFailed, match="없는함") as raised:
        await mailbox(dovecot, "ada", "없는함").search("", SINCE, ZONE)
    assert raised.value.trouble is Trouble.FOLDER


async def test_a_uid_is_void_when_the_server_numbers_anew(dovecot: Dovecot) -> None:
    dovecot.put("anew", message(b"one", b"one", "text/plain"), NOW)
    there = mailbox(dovecot, "anew")
    (before,) = (await there.search("", SINCE, ZONE)).letters
    for path in (dovecot.folder / "mail" / "anew").glob("dovecot*"):
        path.unlink()
    names = dovecot.folder / "mail" / "anew" / "dovecot-uidlist"
    names.write_text("3 V1234567 N2\n")
    with pytest.raises(MailFailed) as raised:
        await there.read(before.uid, ZONE)
    assert raised.value.trouble is Trouble.UID
    (after,) = (await there.search("", SINCE, ZONE)).letters
    assert after.uid != before.uid
    assert (await there.read(after.uid, ZONE)).text == "one"


async def test_days_are_those_of_the_user(dovecot: Dovecot) -> None:
    for hours in (0, 23, 25):
        dovecot.put("days", message(b"%d" % hours, b"", "text/plain"), NOW.replace(hour=23) - timedelta(hours=hours))
    found = await mailbox(dovecot, "days").search("", NOW.date(), ZONE)
    assert [letter.subject for letter in found.letters] == ["0", "23"]


async def test_nothing_that_is_done_leaves_a_trace(dovecot: Dovecot) -> None:
    for number, flags in enumerate(("", "S", "F", "T", "")):
        dovecot.put("trace", message(b"n%d" % number, "본문".encode(), "text/plain; charset=utf-8"), NOW, flags=flags)
    new = dovecot.mailbox("trace").parent / "new" / "1764000000.M9P1.host"
    new.write_bytes(message(b"new", b"body", "text/plain"))
    there = mailbox(dovecot, "trace")
    before = dovecot.bytes_of("trace")
    for query in ("", "본문", "n1", "x) DELETED", 'a"b'):
        for letter in (await there.search(query, SINCE, ZONE)).letters:
            await there.read(letter.uid, ZONE)
    after = dovecot.bytes_of("trace")
    # Who opens a folder moves what is new in it; flags are in the names, and no content may differ.
    assert sorted(_flagged(after)) == sorted(_flagged(before))


def _flagged(files: dict[str, bytes]) -> list[tuple[str, str, bytes]]:
    """Message, flags and content of every file."""
    rows = [(*name.rpartition("/")[2].partition(":2,")[::2], content) for name, content in files.items()]
    return [(name, flags, content) for name, flags, content in rows]


async def test_users_are_kept_apart(dovecot: Dovecot) -> None:
    dovecot.put("mine", message(b"mine", b"mine", "text/plain"), NOW)
    dovecot.put("yours", message(b"yours", b"yours", "text/plain"), NOW)
    (letter,) = (await mailbox(dovecot, "mine").search("", SINCE, ZONE)).letters
    with pytest.raises(MailFailed) as raised:
        await mailbox(dovecot, "yours").read(letter.uid, ZONE)
    assert raised.value.trouble is Trouble.UID


@pytest.mark.timeout(300)
async def test_a_hundred_thousand_messages_are_searched_without_being_fetched() -> None:
    with running("mbox") as server:
        await asyncio.to_thread(_fill, server, "many")
        there = mailbox(server, "many", seconds=100.0)
        year = NOW.date() - timedelta(days=365)
        newest = await there.search("", SINCE, ZONE)
        subjects = [letter.subject for letter in newest.letters]
        assert subjects == [f"note {number}" for number in range(MANY - 1, MANY - 1 - LISTED, -1)]
        assert newest.more
        (rare,) = (await there.search("바늘", year, ZONE)).letters
        assert rare.subject == "note 5"
        assert (await there.read(rare.uid, ZONE)).text == "본문 5 바늘"
        # Of a hundred thousand messages came numbers, and of some hundred the headers.
        assert _sent_bytes(server, "many") < 4_000_000


def _fill(server: Dovecot, user: str) -> None:
    """A message a minute, the last one now; in one of the oldest is what in no other is."""
    server.mailbox(user)
    path = server.folder / "mail" / user / "inbox"
    with path.open("wb") as file:
        for number in range(MANY):
            arrived = NOW - timedelta(minutes=MANY - 1 - number)
            body = f"본문 {number} {'바늘' if number == 5 else ''}".strip().encode()
            file.write(f"From kim@example.com {arrived.astimezone(UTC):%a %b %d %H:%M:%S %Y}\n".encode())
            file.write(message(b"note %d" % number, body, "text/plain; charset=utf-8") + b"\n\n")
    os.chown(path, server.uid, server.gid)


def _sent_bytes(dovecot: Dovecot, user: str) -> int:
    """What the server sent to that user, in all his connections."""
    return sum(int(found) for found in re.findall(rf"imap\({user}\).*? out=(\d+)", dovecot.log()))
