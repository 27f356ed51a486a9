"""A mailbox before servers that behave badly: bounded in time and size, plain in what it says, and only reading."""

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest

from router.mailbox.connection import MOST_LITERAL_BYTES, Line, Server, connected
from router.mailbox.gate import ALLOWED, NotAllowed
from router.mailbox.imap import ImapMailbox
from router.tools.letters import MailFailed, Trouble
from tests.router.mailbox.imap_server import Answer, ImapServer, babble, cut, drip, hang, made_certificate, serving

SINCE = date(2026, 11, 20)
SECRET = "open-sesame"
HEADERS = b"From: =?euc-kr?B?sei6zsDl?= <kim@example.com>\r\nSubject: note\r\n\r\n"
LISTED = (
    b'* 1 FETCH (UID 5 FLAGS (\\Seen) INTERNALDATE "25-Nov-2026 10:00:00 +0900" BODY[HEADER.FIELDS (FROM TO CC SUBJECT '
    b"DATE)]<0> {" + str(len(HEADERS)).encode() + b"}\r\n" + HEADERS + b")\r\n% OK done\r\n"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if "asyncio_" not in thread.name:  # threads of the event loop wait for more work
            thread.join(5.0)
            assert not thread.is_alive()


def mailbox(
    server: ImapServer, seconds: float = 10.0, folders: tuple[str, ...] = ("INBOX",), ca: str | None = ""
) -> ImapMailbox:
    """The mailbox of ada there."""
    trusted = str(server.certificate) if ca == "" else ca
    return ImapMailbox("ada", lambda: Server("localhost", server.port, False, trusted, "ada", SECRET), folders, seconds)


async def trouble(server: ImapServer, query: str = "") -> Trouble:
    with pytest.raises(MailFailed) as raised:
        await mailbox(server).search(query, SINCE, UTC)
    assert SECRET not in str(raised.value)
    return raised.value.trouble


async def test_a_search_tells_what_the_server_found(certificate: Path) -> None:
    async with serving(certificate, {"UID SEARCH": b"* SEARCH 5\r\n% OK done\r\n", "UID FETCH": LISTED}) as server:
        found = await mailbox(server).search("", SINCE, UTC)
    (letter,) = found.letters
    assert (letter.sender, letter.subject, letter.unread) == ("김부장 <kim@example.com>", "note", False)
    assert letter.arrived.isoformat() == "2026-11-25T01:00:00+00:00"


@pytest.mark.parametrize("query", ["", "x", "김부장님", 'x\r\nA1 EXPUNGE\r\n"{3}', "(DELETED)", "{99999}", "NOT SEEN"])
async def test_whatever_is_searched_and_read_only_commands_of_the_list_are_sent(certificate: Path, query: str) -> None:
    async with serving(certificate, {"UID SEARCH": b"* SEARCH 5\r\n% OK done\r\n", "UID FETCH": LISTED}) as server:
        there = mailbox(server, folders=("INBOX", 'we"ird\\', "보낸편지함"))
        found = await there.search(query, SINCE, UTC)
        await there.read(found.letters[0].uid, UTC)
        for uid in ("1", "1:*-abcdefgh", "5-aaaaaaaa", "1\r\nA1 EXPUNGE"):
            with pytest.raises(MailFailed):
                await there.read(uid, UTC)
    assert server.commands <= set(ALLOWED)
    assert {"EXAMINE", "UID SEARCH", "UID FETCH"} <= server.commands
    assert not any(b"BODY[" in line for line in server.sent)


@pytest.mark.parametrize(
    ("command", "change"),
    [
        ("SELECT", lambda client: client.select_folder("INBOX")),
        ("STORE", lambda client: client.add_flags([5], [b"\\Seen"])),
        ("STORE", lambda client: client.delete_messages([5])),
        ("COPY", lambda client: client.copy([5], "Trash")),
        ("EXPUNGE", lambda client: client.expunge()),
        ("EXPUNGE", lambda client: client.expunge([5])),
        ("CLOSE", lambda client: client.close_folder()),
        ("APPEND", lambda client: client.append("INBOX", b"x")),
        ("CREATE", lambda client: client.create_folder("x")),
        ("DELETE", lambda client: client.delete_folder("x")),
        ("RENAME", lambda client: client.rename_folder("x", "y")),
        ("SUBSCRIBE", lambda client: client.subscribe_folder("x")),
        ("FETCH", lambda client: client.fetch([5], ["BODY[]"])),
        ("FETCH", lambda client: client.fetch([5], ["RFC822"])),
        ("NOOP", lambda client: client.noop()),
    ],
)
async def test_the_library_itself_cannot_change_anything_over_this_connection(
    certificate: Path, command: str, change: Callable[[Any], object]
) -> None:
    async with serving(certificate) as server:
        there = Server("localhost", server.port, False, str(certificate), "ada", SECRET)

        def attempt() -> None:
            with connected(there, Line(time.monotonic() + 10)) as client:
                client.select_folder("INBOX", readonly=True)
                change(client)

        with pytest.raises(NotAllowed):
            await asyncio.to_thread(attempt)
    assert not any(command.encode() in line for line in server.sent)


async def test_a_uid_of_before_the_server_numbered_anew_leads_nowhere(certificate: Path) -> None:
    async with serving(certificate, {"UID SEARCH": b"* SEARCH 5\r\n% OK done\r\n", "UID FETCH": LISTED}) as server:
        (letter,) = (await mailbox(server).search("", SINCE, UTC)).letters
        server.answers["EXAMINE"] = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 8] valid\r\n% OK [READ-ONLY] done\r\n"
        with pytest.raises(MailFailed) as raised:
            await mailbox(server).read(letter.uid, UTC)
    assert raised.value.trouble is Trouble.UID


async def test_a_message_that_is_gone_leads_nowhere(certificate: Path) -> None:
    async with serving(certificate, {"UID SEARCH": b"* SEARCH 5\r\n% OK done\r\n", "UID FETCH": LISTED}) as server:
        (letter,) = (await mailbox(server).search("", SINCE, UTC)).letters
        server.answers["UID FETCH"] = b"% OK done\r\n"
        with pytest.raises(MailFailed) as raised:
            await mailbox(server).read(letter.uid, UTC)
    assert raised.value.trouble is Trouble.UID


@pytest.mark.parametrize("refusal", [b"% NO [BADCHARSET (US-ASCII)] no\r\n", b"% BAD charset\r\n"])
@pytest.mark.parametrize(("query", "hits"), [("김부장님", 1), ("이대리", 0)])
async def test_a_server_that_knows_ascii_alone_is_asked_for_what_is_new(
    certificate: Path, refusal: bytes, query: str, hits: int
) -> None:
    async with serving(certificate, {"UID FETCH": LISTED}) as server:

        async def search(writer: asyncio.StreamWriter) -> None:
            tag = server.sent[-1].partition(b" ")[0]
            said = refusal if b"CHARSET" in server.sent[-1] else b"* SEARCH 5\r\n% OK done\r\n"
            writer.write(said.replace(b"%", tag))

        server.answers["UID SEARCH"] = search
        found = await mailbox(server).search(query, SINCE, UTC)
    assert (len(found.letters), found.looked_at) == (hits, 1)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"LOGIN": b"% NO [AUTHENTICATIONFAILED] open-sesame is wrong\r\n"}, Trouble.LOGIN),
        ({"LOGIN": b"% BAD no\r\n"}, Trouble.LOGIN),
        ({"EXAMINE": b"% NO no such folder\r\n"}, Trouble.FOLDER),
        ({"EXAMINE": b"* 2 EXISTS\r\n% OK done\r\n"}, Trouble.SERVER),
        ({"UID SEARCH": b"% NO today not\r\n"}, Trouble.SERVER),
        ({"UID SEARCH": b"* SEARCH five\r\n% OK done\r\n"}, Trouble.SERVER),
        (
            {"UID SEARCH": b"* SEARCH 5\r\n% OK done\r\n", "UID FETCH": b"* 1 FETCH (UID\r\n% OK done\r\n"},
            Trouble.SERVER,
        ),
        (
            {
                "UID SEARCH": b"* SEARCH 5\r\n% OK done\r\n",
                "UID FETCH": b"* 1 FETCH " + b"(" * 9000 + b"\r\n% OK done\r\n",
            },
            Trouble.SERVER,
        ),
        (
            {
                "UID SEARCH": b"* SEARCH 5\r\n% OK done\r\n",
                "UID FETCH": b"* 1 FETCH (UID 5 BODY[1] {%d}\r\n" % (MOST_LITERAL_BYTES + 1),
            },
            Trouble.SERVER,
        ),
        ({"EXAMINE": babble}, Trouble.SERVER),
        ({"CAPABILITY": b"* CAPABILITY POP3\r\n% OK done\r\n"}, Trouble.SERVER),
    ],
)
async def test_what_goes_wrong_has_a_name(certificate: Path, answers: dict[str, Answer], expected: Trouble) -> None:
    async with serving(certificate, answers) as server:
        assert await trouble(server) is expected


@pytest.mark.parametrize("command", ["GREETING", "CAPABILITY", "LOGIN", "EXAMINE", "UID SEARCH"])
@pytest.mark.parametrize("fault", [hang, drip])
async def test_a_server_that_never_answers_is_left_when_the_time_is_over(
    certificate: Path, command: str, fault: Answer
) -> None:
    async with serving(certificate, {command: fault}) as server:
        with pytest.raises(TimeoutError):
            await mailbox(server, seconds=0.3).search("", SINCE, UTC)
        if fault is hang:
            return
        await server.gone.wait()


@pytest.mark.parametrize("command", ["GREETING", "LOGIN", "EXAMINE", "UID SEARCH"])
async def test_a_connection_that_breaks_says_so(certificate: Path, command: str) -> None:
    async with serving(certificate, {command: cut}) as server:
        with pytest.raises(ConnectionError):
            await mailbox(server).search("", SINCE, UTC)


@pytest.mark.parametrize("command", ["EXAMINE", "LOGIN"])
async def test_whoever_stops_waiting_ends_the_question(certificate: Path, command: str) -> None:
    async with serving(certificate, {command: drip}) as server:
        asking = asyncio.create_task(mailbox(server, seconds=3600).search("", SINCE, UTC))
        await server.misbehaving.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.gone.wait()


async def test_a_search_in_texts_that_takes_too_long_tells_what_the_headers_found(certificate: Path) -> None:
    async with serving(certificate, {"UID FETCH": LISTED}) as server:

        async def search(writer: asyncio.StreamWriter) -> None:
            if b"BODY" in server.sent[-1]:
                await hang(writer)
            writer.write(b"* SEARCH 5\r\n%b OK done\r\n" % server.sent[-1].partition(b" ")[0])

        server.answers["UID SEARCH"] = search
        found = await mailbox(server, seconds=1.0).search("note", SINCE, UTC)
    assert (len(found.letters), found.bodies) == (1, False)


async def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_said(certificate: Path) -> None:
    async with serving(certificate) as server:
        with pytest.raises(MailFailed) as raised:
            await mailbox(server, ca=None).search("", SINCE, UTC)
    assert raised.value.trouble is Trouble.TLS
    assert server.sent == []


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    async with serving(made_certificate(tmp_path, "other.example")) as server:
        with pytest.raises(MailFailed) as raised:
            await mailbox(server).search("", SINCE, UTC)
    assert raised.value.trouble is Trouble.TLS
    assert server.sent == []


@pytest.mark.parametrize("content", [None, b"no certificate"])
async def test_a_ca_file_that_is_none_is_named(certificate: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    async with serving(certificate) as server:
        with pytest.raises(MailFailed) as raised:
            await mailbox(server, ca=str(path)).search("", SINCE, UTC)
    assert raised.value.trouble is Trouble.TLS
    assert str(path) in raised.value.detail


async def test_without_starttls_nothing_is_said_in_the_clear(certificate: Path) -> None:
    said: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK hello\r\n")
        while line := await reader.readline():
            said.append(line)
            writer.write(b"* CAPABILITY IMAP4rev1\r\n" + line.partition(b" ")[0] + b" OK done\r\n")
        writer.close()

    listening = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    server = Server("localhost", port, True, str(certificate), "ada", SECRET)
    with pytest.raises(MailFailed) as raised:
        await ImapMailbox("ada", lambda: server, ("INBOX",), 5.0).search("", SINCE, UTC)
    listening.close()
    assert raised.value.trouble is Trouble.TLS
    assert not any(b"ada" in line for line in said)


async def test_neither_logs_nor_shown_objects_hold_a_secret_or_a_mail(
    certificate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(certificate, {"UID SEARCH": b"* SEARCH 5\r\n% OK done\r\n", "UID FETCH": LISTED}) as server:
        there = mailbox(server)
        await there.search("geheim", SINCE, UTC)
        assert SECRET not in repr(there.server())
    assert not any(word in caplog.text for word in (SECRET, "geheim", "kim@example.com"))


def test_tls_is_checked_by_default() -> None:
    context = ssl.create_default_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
