"""An account whose server is slow, broken, hostile or elsewhere: a plain sentence each, in time, and no secret told."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from router.language import pick
from router.tools.agenda.account import CHECK_SECONDS, Account, Place, contents, places_of
from router.tools.agenda.account_words import AccountFailed, Trouble
from router.tools.agenda.servers import CalendarServers
from router.tools.agenda.transport import MOST_BYTES, Answer, Login, Transport, _within
from tests.router.tools.calendars import SEOUL, entry
from tests.router.tools.given import NOW

PASSWORD = "open-sesame"
DAY = datetime(2026, 11, 26, tzinfo=UTC), datetime(2026, 11, 27, tzinfo=UTC)
Answering = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Told the request line and headers of one request; writes the answer. The connection is then closed."""


@asynccontextmanager
async def serving(answering: Answering) -> AsyncIterator[str]:
    """A server of one's own on loopback: its URL."""
    waiting: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        waiting.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(length.group(1)) if length else 0)
            await answering(head, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting)


def answer(status: str, body: str | bytes = b"", *headers: str) -> Answering:
    """A server that always says this."""
    content = body.encode() if isinstance(body, str) else body

    async def answering(_head: str, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(content)}", "connection: close", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + content)
        await writer.drain()

    return answering


async def silence(_head: str, _writer: asyncio.StreamWriter) -> None:
    """Never an answer."""
    await asyncio.Event().wait()


async def hang_up(_head: str, _writer: asyncio.StreamWriter) -> None:
    """The end before an answer."""


def drops(beginning: bytes) -> Answering:
    """Bytes that come one by one, for ever, each in time."""

    async def answering(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    return answering


async def flood(_head: str, writer: asyncio.StreamWriter) -> None:
    """More than anybody has in a calendar."""
    writer.write(b"HTTP/1.1 207 Multi-Status\r\nconnection: close\r\n\r\n")
    for _ in range(MOST_BYTES // 65_536 + 2):
        writer.write(b"<" * 65_536)
        await writer.drain()


def login(url: str, **more: str) -> Login:
    return Login("kim", url, "kim", PASSWORD, **more)  # type: ignore[arg-type]


async def failure_of(url: str, seconds: float = 5.0) -> AccountFailed:
    """How a look into the calendar fails."""
    with pytest.raises(AccountFailed) as failure:
        await asyncio.to_thread(Account(login(url), SEOUL, seconds).found, *DAY)
    return failure.value


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {after} "{f"&{before};" * 40}">' for before, after in zip("abcdefg", "bcdefgh", strict=True))
    + ']><m xmlns="DAV:">&h;</m>'
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    '<multistatus xmlns="DAV:">&x;</multistatus>'
)
PRINCIPAL = (
    '<multistatus xmlns="DAV:"><response><href>/</href><propstat><prop><current-user-principal><href>{href}</href>'
    "</current-user-principal></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"
)


@pytest.mark.parametrize(
    ("answering", "trouble"),
    [
        (answer("401 Unauthorized", "", 'WWW-Authenticate: Basic realm="x"'), Trouble.PASSWORD_REFUSED),
        (answer("401 Unauthorized"), Trouble.PASSWORD_REFUSED),
        (answer("401 Unauthorized", "", 'WWW-Authenticate: Digest realm="x", nonce="n"'), Trouble.PASSWORD_REFUSED),
        (answer("403 Forbidden"), Trouble.FORBIDDEN),
        (answer("404 Not Found"), Trouble.NOT_FOUND),
        (answer("405 Method Not Allowed", "<html>"), Trouble.NO_CALDAV),
        (answer("429 Too Many Requests", "", "Retry-After: 1000000"), Trouble.BUSY),
        (answer("503 Service Unavailable"), Trouble.BUSY),
        (answer("500 Internal Server Error", PASSWORD), Trouble.SERVER_FAILED),
        (answer("301 Moved", "", "Location: http://127.0.0.1:1/"), Trouble.ELSEWHERE),
        (answer("301 Moved", "", "Location: https://elsewhere.example/"), Trouble.ELSEWHERE),
        (answer("301 Moved", "", "Location: /round/and/round"), Trouble.ELSEWHERE),
        (answer("302 Found", "", "Location: file:///etc/passwd"), Trouble.ELSEWHERE),
        (answer("200 OK", "<html><body>Willkommen<br></body>", "content-type: text/html"), Trouble.NO_CALDAV),
        (answer("207 Multi-Status", "{}", "content-type: application/json"), Trouble.NO_CALDAV),
        (answer("207 Multi-Status", "<multistatus", "content-type: text/xml"), Trouble.NO_CALDAV),
        (answer("207 Multi-Status", b"\xff\xfe\x00\xd8", "content-type: text/xml"), Trouble.NO_CALDAV),
        (answer("207 Multi-Status", LAUGHS, "content-type: text/xml"), Trouble.NO_CALDAV),
        (answer("207 Multi-Status", PRINCIPAL.format(href="http://10.0.0.1/"), "content-type: text/xml"), None),
        (answer("207 Multi-Status", PRINCIPAL.format(href="/me/"), "content-type: text/xml"), None),
        (answer("207 Multi-Status", OUTSIDE, "content-type: text/xml"), None),
        (answer("207 Multi-Status", '<multistatus xmlns="DAV:"/>', "content-type: text/xml"), Trouble.NO_CALENDAR),
        (flood, Trouble.TOO_LARGE),
        (hang_up, Trouble.UNREACHABLE),
    ],
)
async def test_whatever_a_server_answers_there_is_a_sentence(answering: Answering, trouble: Trouble | None) -> None:
    async with serving(answering) as url:
        failure = await failure_of(url)
    assert trouble is None or failure.trouble is trouble
    for language in ("ko", "en"):
        told = failure.told(language)
        assert "kim" in told
        assert PASSWORD not in told + repr(failure)
        assert "root:" not in told


@pytest.mark.parametrize(
    "answering",
    [silence, drops(b"HTTP/1.1 207 OK"), drops(b"HTTP/1.1 207 OK\r\nx: "), drops(b"HTTP/1.1 207 OK\r\n\r\n")],
)
async def test_a_server_that_is_slow_in_whatever_way_is_given_up(answering: Answering) -> None:
    async with serving(answering) as url:
        assert (await failure_of(url, 0.3)).trouble is Trouble.TIMED_OUT


async def test_nobody_there_is_a_sentence_too() -> None:
    async with serving(hang_up) as url:
        pass
    assert (await failure_of(url)).trouble is Trouble.UNREACHABLE
    assert (await failure_of("http://nowhere.invalid")).trouble is Trouble.UNREACHABLE


async def test_tls_on_a_port_that_speaks_none_is_told_of() -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        failure = await failure_of(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert failure.trouble is Trouble.UNTRUSTED


async def test_a_password_is_not_sent_before_it_is_asked_for_and_digest_never_shows_it() -> None:
    heads: list[str] = []

    async def digest(head: str, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        if "authorization: digest" in head.lower():
            await answer("404 Not Found")(head, writer)
        else:
            await answer("401 Unauthorized", "", 'WWW-Authenticate: Digest realm="x", nonce="n", qop="auth"')(
                head, writer
            )

    async with serving(digest) as url:
        assert (await failure_of(url)).trouble is Trouble.NOT_FOUND
    assert "authorization" not in heads[0].lower()
    assert not any("basic" in head.lower() or PASSWORD in head for head in heads)
    assert 'username="kim"' in heads[-1]


async def test_reading_is_tried_again_where_the_connection_broke_and_writing_never() -> None:
    asked: list[str] = []

    async def counting(head: str, _writer: asyncio.StreamWriter) -> None:
        asked.append(head.partition(" ")[0])

    async with serving(counting) as url:
        assert (await failure_of(url)).trouble is Trouble.UNREACHABLE
        assert asked == ["PROPFIND", "PROPFIND"]
        account = Account(login(url), SEOUL)
        account._known = (float("inf"), (Place(f"{url}/rooms/", "work"),))
        asked.clear()
        with pytest.raises(AccountFailed):
            await asyncio.to_thread(account.add, entry("2026-11-26 15:00", title="x"), NOW)
        assert "PUT" not in asked


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        ("403 Forbidden", Trouble.READ_ONLY),
        ("405 Method Not Allowed", Trouble.READ_ONLY),
        ("409 Conflict", Trouble.NOT_WRITTEN),
        ("507 Insufficient Storage", Trouble.NOT_WRITTEN),
        ("301 Moved", Trouble.NOT_WRITTEN),
        ("201 Created", None),
        ("204 No Content", None),
        ("412 Precondition Failed", None),
    ],
)
async def test_what_a_server_says_to_a_new_entry(status: str, trouble: Trouble | None) -> None:
    heads: list[str] = []

    async def writing(head: str, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        said = status if head.startswith("PUT") else "404 Not Found"
        await answer(said, "", "Location: /elsewhere")(head, writer)

    async with serving(writing) as url:
        account = Account(login(url), SEOUL)
        account._known = (float("inf"), (Place(f"{url}/rooms/", "work"),))
        made = entry("2026-11-26 15:00", title="a/b?c@maek")
        if trouble is None:
            assert await asyncio.to_thread(account.add, made, NOW) is (not status.startswith("412"))
        else:
            with pytest.raises(AccountFailed) as failure:
                await asyncio.to_thread(account.add, made, NOW)
            assert failure.value.trouble is trouble
    (put,) = (head for head in heads if head.startswith("PUT"))
    assert put.startswith("PUT /rooms/a%2Fb%3Fc.ics HTTP/1.1")
    assert "If-None-Match: *" in put


async def test_of_an_entry_that_a_slow_server_may_still_write_nothing_is_claimed() -> None:
    async def slow(head: str, writer: asyncio.StreamWriter) -> None:
        await (silence if head.startswith("PUT") else answer("404 Not Found"))(head, writer)

    async with serving(slow) as url:
        account = Account(login(url), SEOUL, CHECK_SECONDS + 0.5)
        account._known = (float("inf"), (Place(f"{url}/rooms/", "room"),))
        with pytest.raises(AccountFailed) as failure:
            await asyncio.to_thread(account.add, entry("2026-11-26 15:00", title="x"), NOW)
    assert failure.value.trouble is Trouble.UNSURE


@pytest.mark.parametrize(
    ("url", "configured", "may"),
    [
        ("http://nas:5232/a", "http://nas:5232/", True),
        ("https://nas:5232/a", "http://nas:5232/", True),
        ("http://nas:80/a", "http://nas:5232/", False),
        ("https://p01-caldav.icloud.com:443/1/", "https://caldav.icloud.com", True),
        ("http://p01-caldav.icloud.com/1/", "https://caldav.icloud.com", False),
        ("https://icloud.com.evil.example/", "https://caldav.icloud.com", False),
        ("https://evilicloud.com/", "https://caldav.icloud.com", False),
        ("https://b.icloud.com/", "http://caldav.icloud.com", False),
        ("https://evil.example", "https://cloud.example", False),
        ("https://x@caldav.icloud.com/", "https://caldav.icloud.com/", False),
        ("https:///", "https://caldav.icloud.com/", False),
    ],
)
def test_the_password_goes_home_or_by_tls_to_a_sibling(url: str, configured: str, may: bool) -> None:
    assert _within(url, configured) is may


def test_a_login_shows_no_password() -> None:
    assert PASSWORD not in repr(login("http://nas"))


@pytest.mark.parametrize("trouble", Trouble)
def test_every_trouble_has_a_sentence_in_both_languages(trouble: Trouble) -> None:
    failure = AccountFailed(trouble, "kim", "a\x1b[31m\n{b}" + "c" * 400)
    korean, english = failure.told("ko"), failure.told("en")
    assert re.search("[가-힣]", korean)
    assert not re.search("[가-힣]", english)
    assert (korean + english).isprintable()
    assert len(korean) < 600
    assert pick("ko", ko=korean, en=english) == korean


def test_without_an_account_there_is_nothing_to_see() -> None:
    with pytest.raises(AccountFailed) as failure:
        CalendarServers({"a": login("http://nas")}, None, SEOUL).ready("b")
    assert failure.value.trouble is Trouble.NO_ACCOUNT


def test_two_keys_of_one_person_are_one_account() -> None:
    servers = CalendarServers({"a": login("http://nas"), "b": login("http://nas")}, None, SEOUL)
    assert servers._account("a") is servers._account("b")


def test_without_its_library_the_calendar_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("caldav", "caldav.lib", "caldav.lib.error"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(AccountFailed) as failure:
        Account(login("http://nas"), SEOUL).ready()
    assert "pip install 'maek[caldav]'" in failure.value.told("ko")


STATUS = "<status>HTTP/1.1 200 OK</status>"
MULTISTATUS = '<?xml version="1.0"?><multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">{}</multistatus>'
RESPONSE = f"<response><href>{{href}}</href><propstat><prop>{{prop}}</prop>{STATUS}</propstat></response>"
OBJECT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VEVENT
UID:a
DTSTAMP:20260101T000000Z
DTSTART:20261126T000000Z
SUMMARY:회의
END:VEVENT
END:VCALENDAR"""
SIBLING = "https://p01-caldav.icloud.com:443/1/calendars/"


class Spread:
    """Stands at `Session`: a server that keeps an account's calendars on a sibling host, as iCloud does."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def request(self, method: str, url: str, **more: Any) -> Answer:
        """The answer."""
        self.asked.append(f"{method} {url}")
        body = more["data"].decode()
        if "current-user-principal" in body:
            found = "/", "<current-user-principal><href>/1/principal/</href></current-user-principal>"
        elif "calendar-home-set" in body:
            found = "/1/principal/", f"<C:calendar-home-set><href>{SIBLING}</href></C:calendar-home-set>"
        elif method == "PROPFIND":
            kind = "<resourcetype><collection/><C:calendar/></resourcetype>"
            found = "/1/calendars/home/", f"{kind}<displayname>집</displayname>"
        else:
            found = "/1/calendars/home/a.ics", f"<C:calendar-data>{OBJECT}</C:calendar-data>"
        content = MULTISTATUS.format(RESPONSE.format(href=found[0], prop=found[1])).encode()
        return Answer(207, "Multi-Status", {"Content-Type": "text/xml"}, content, url)


def test_calendars_on_a_sibling_host_are_found_and_searched_there() -> None:
    server = Spread()
    (place,) = places_of(server, "https://caldav.icloud.com/")
    assert place == Place(f"{SIBLING}home/", "집")
    assert [one.strip() for one in contents(server, place, *DAY)] == [OBJECT]
    assert server.asked[-1] == f"REPORT {SIBLING}home/"


class Forgetful(Account):
    """An account whose calendars another thread forgets as soon as they were looked at once."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name == "_known":
            self._known = None
        return value


def test_calendars_that_another_thread_forgets_meanwhile_were_known() -> None:
    account, places = Forgetful(Login("me", "http://127.0.0.1:1/", "me", PASSWORD), SEOUL), (Place("http://a/", "a"),)
    account._known = (float("inf"), places)
    assert account._places(Transport(account._login, 0.0)) == places
