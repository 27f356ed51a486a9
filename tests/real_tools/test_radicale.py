"""The calendar over CalDAV, against a Radicale of its own."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
import trustme

from router.errors import ToolFailed
from router.tools.agenda.account import Account
from router.tools.agenda.account_words import AccountFailed, Trouble
from router.tools.agenda.entries import Entry
from router.tools.agenda.files import CalendarFiles
from router.tools.agenda.servers import CalendarServers
from router.tools.agenda.store import Agenda, Found
from router.tools.agenda.transport import Login
from router.tools.calendars import NAME, build
from router.tools.call import call
from router.tools.spec import ToolResult
from tests.fakes.between import between, passing
from tests.real_tools.radicale import Radicale, radicale
from tests.router.tools.calendars import NEW_YORK, SEOUL, asking, at, entry, titles, written
from tests.router.tools.given import NOW

pytestmark = pytest.mark.real

WORK, HOME = "업무", "가족"


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Radicale]:
    """A server on which ada has a calendar for work."""
    async with radicale(tmp_path) as running:
        await running.has_calendar(WORK, "work")
        yield running


def account(login: Login, zone: ZoneInfo = SEOUL) -> Account:
    return Account(login, zone)


def draft(title: str = "회의", **more: Any) -> Entry:
    """An entry at three with a name as drafts give it."""
    return replace(entry("2026-11-26 15:00", title=title, **more), uid="0123456789abcdef@maek")


async def found(one: Account, first: str, days: int = 1, zone: ZoneInfo = SEOUL) -> list[tuple[str, str]]:
    begins = at(f"{first} 00:00", zone)
    there = await asyncio.to_thread(one.found, begins, begins + timedelta(days=days))
    return [(f"{each.begins:%d %H:%M}", each.title) for each in there.entries]


async def added(one: Account, made: Entry) -> bool:
    return await asyncio.to_thread(one.add, made, NOW)


async def trouble(one: Account, made: Entry | None = None) -> Trouble:
    with pytest.raises(AccountFailed) as failure:
        await asyncio.to_thread(one.ready) if made is None else await added(one, made)
    return failure.value.trouble


EVENTS = (
    (
        """UID:weekly
DTSTART;TZID=Asia/Seoul:20261102T090000
DTEND;TZID=Asia/Seoul:20261102T100000
RRULE:FREQ=WEEKLY;COUNT=5
EXDATE;TZID=Asia/Seoul:20261116T090000
SUMMARY:주간 회의""",
        """UID:weekly
RECURRENCE-ID;TZID=Asia/Seoul:20261123T090000
DTSTART;TZID=Asia/Seoul:20261124T140000
DTEND;TZID=Asia/Seoul:20261124T150000
SUMMARY:주간 회의 (옮김)""",
    ),
    (
        (
            "UID:standup\nDTSTART;TZID=America/New_York:20261030T090000\nDTEND;TZID=America/New_York:20261030T100000\n"
            "RRULE:FREQ=DAILY;COUNT=4\nSUMMARY:standup"
        ),
    ),
    ("UID:day\nDTSTART;VALUE=DATE:20261126\nDTEND;VALUE=DATE:20261127\nSUMMARY:추수감사절",),
    ("UID:days\nDTSTART;VALUE=DATE:20261128\nDTEND;VALUE=DATE:20261201\nSUMMARY:출장\\, 부산",),
    ("UID:every\nDTSTART;VALUE=DATE:20000229\nRRULE:FREQ=YEARLY\nSUMMARY:윤날",),
    ("UID:night\nDTSTART:20261101T053000Z\nDTEND:20261101T063000Z\nSUMMARY:both one o'clocks",),
    ("UID:gone\nDTSTART:20261126T000000Z\nSTATUS:CANCELLED\nSUMMARY:취소된 회의",),
    ("UID:floating\nDTSTART:20261127T030000\nDURATION:PT30M\nSUMMARY:어디서나 세 시",),
)


DAYS = ("2026-11-01", "2026-11-24", "2026-11-26", "2026-11-27", "2026-11-30")
"""With summer time ending, something moved, and whole days among them."""


@pytest.mark.parametrize("zone", [SEOUL, NEW_YORK])
async def test_a_server_and_a_file_with_the_same_in_them_tell_the_same(
    server: Radicale, tmp_path: Path, zone: ZoneInfo
) -> None:
    for number, events in enumerate(EVENTS):
        await server.has("work", *events, name=f"e{number}")
    written(tmp_path, *(event for events in EVENTS for event in events))
    begins = at("2026-10-28 00:00", zone)
    one, files = account(server.login(), zone), CalendarFiles(tmp_path, zone)
    spans = [(begins, begins + timedelta(days=40))]
    spans += [(at(f"{day} 00:00", zone), at(f"{day} 00:00", zone) + timedelta(days=1)) for day in DAYS]
    for span in spans:
        there = await asyncio.to_thread(one.found, *span)
        assert there == files.found("anonymous", *span)
        assert there.entries
    assert len((await asyncio.to_thread(one.found, *spans[0])).entries) == 12


async def test_all_calendars_are_looked_at_or_those_that_are_named(server: Radicale) -> None:
    await server.has_calendar(HOME, "home")
    for path, title in (("work", "회의"), ("home", "생일")):
        await server.has(path, f"UID:{path}\nDTSTART:20261126T000000Z\nDTEND:20261126T010000Z\nSUMMARY:{title}")
        await server.has(path, "UID:same\nDTSTART:20261126T020000Z\nDTEND:20261126T030000Z\nSUMMARY:둘 다", name="two")
    one = account(server.login())
    assert await found(one, "2026-11-26") == [("26 09:00", "생일"), ("26 09:00", "회의"), ("26 11:00", "둘 다")]
    for named in (HOME, "home", "/ada/home/", f"{server.url}/ada/home"):
        only = account(server.login(calendars=(named,)))
        assert [title for _, title in await found(only, "2026-11-26")] == ["생일", "둘 다"]


async def test_what_one_program_breaks_is_left_out_and_counted(server: Radicale, tmp_path: Path) -> None:
    await server.has("work", "UID:good\nDTSTART:20261126T000000Z\nDTEND:20261126T010000Z\nSUMMARY:회의")
    await server.has("work", "UID:mad\nDTSTART:20261126T000000Z\nRRULE:FREQ=SECONDLY\nSUMMARY:초마다", name="mad")
    begins = at("2026-11-26 00:00")
    there = await asyncio.to_thread(account(server.login()).found, begins, begins + timedelta(days=1))
    assert ([one.title for one in there.entries], there.unreadable) == (["회의"], 1)


async def test_an_entry_is_read_back_as_it_was_written_and_written_once(server: Radicale) -> None:
    made = draft(("김 부장님과 회의; 2층, 긴 제목 " * 5).strip(), description="첫 줄\n둘째 줄, 쉼표")
    one = account(server.login())
    assert [await added(one, made) for _ in range(3)] == [True, False, False]
    there = await asyncio.to_thread(one.found, made.begins, made.ends)
    assert there == Found((made,))
    assert len(await server.objects("work")) == 1


async def test_many_yeses_at_once_from_many_processes_make_one_entry(server: Radicale) -> None:
    made = draft()
    created = await asyncio.gather(*(added(account(server.login()), made) for _ in range(6)))
    assert sorted(created) == [False] * 5 + [True]
    assert len(await server.objects("work")) == 1


async def test_what_was_changed_since_is_never_overwritten(server: Radicale) -> None:
    made = draft()
    one = account(server.login())
    await added(one, made)
    (address,) = await server.objects("work")
    await server.changed(address, (await server.content(address)).replace("회의", "옮긴 회의"))
    assert await added(one, made) is False
    assert "옮긴 회의" in await server.content(address)


async def test_an_entry_that_another_program_put_under_another_address_is_not_made_again(server: Radicale) -> None:
    await server.has("work", f"UID:{draft().uid}\nDTSTART:20261126T060000Z\nDTEND:20261126T070000Z\nSUMMARY:회의")
    assert await added(account(server.login()), draft()) is False
    assert len(await server.objects("work")) == 1


async def test_the_server_itself_refuses_to_overwrite_where_the_look_before_came_too_early(server: Radicale) -> None:
    made = draft()

    async def before(method: str) -> bool:
        if method == "PUT":
            await added(account(server.login()), replace(made, title="der andere"))
        return True

    async with between(server.url) as proxy:
        proxy.before = before
        assert await added(account(server.login(url=proxy.url)), made) is False
    (address,) = await server.objects("work")
    assert "der andere" in await server.content(address)


async def test_of_several_calendars_one_is_named_for_new_entries(server: Radicale) -> None:
    await server.has_calendar(HOME, "home")
    assert await trouble(account(server.login())) is Trouble.CHOOSE_CALENDAR
    assert await trouble(account(server.login(write="없음"))) is Trouble.UNKNOWN_CALENDAR
    one = account(server.login(write=HOME, calendars=(WORK,)))
    assert await added(one, draft())
    assert (len(await server.objects("home")), len(await server.objects("work"))) == (1, 0)


async def test_a_wrong_password_a_wrong_path_and_an_empty_account_have_a_sentence_each(server: Radicale) -> None:
    assert await trouble(account(replace(server.login(), password="wrong"))) is Trouble.PASSWORD_REFUSED
    assert await trouble(account(server.login("bob"))) is Trouble.NO_CALENDAR
    assert await trouble(account(server.login(url=f"{server.url}/bob/"))) in (Trouble.FORBIDDEN, Trouble.NOT_FOUND)


async def test_a_calendar_that_was_renamed_on_the_way_is_found_anew(server: Radicale) -> None:
    await server.has("work", "UID:a\nDTSTART:20261126T000000Z\nDTEND:20261126T010000Z\nSUMMARY:회의")
    one = account(server.login())
    assert len(await found(one, "2026-11-26")) == 1
    await server.loses("work")
    await server.has_calendar(WORK, "new")
    assert await found(one, "2026-11-26") == []


# What becomes of an entry when the connection dies


async def test_an_answer_that_is_lost_after_the_entry_was_written_is_looked_up(server: Radicale) -> None:
    async def after(answer: str) -> bool:
        return answer != "PUT 201"

    async with between(server.url) as proxy:
        proxy.after = after
        made = draft()
        assert await added(account(server.login(url=proxy.url)), made) is True
        assert [method for method, _ in proxy.seen].count("PUT") == 1
    assert len(await server.objects("work")) == 1


async def test_an_entry_that_is_lost_on_its_way_is_told_so_and_the_next_yes_writes_it(server: Radicale) -> None:
    async with between(server.url) as proxy:
        lost = True

        async def before(method: str) -> bool:
            return not (method == "PUT" and lost)

        proxy.before = before
        made, one = draft(), account(server.login(url=proxy.url))
        assert await trouble(one, made) is Trouble.NOT_WRITTEN
        assert await server.objects("work") == []
        lost = False
        assert await added(one, made) is True


async def test_where_nobody_can_be_asked_what_became_of_it_the_next_yes_finds_out(server: Radicale) -> None:
    async with between(server.url) as proxy:
        dead = False

        async def after(answer: str) -> bool:
            nonlocal dead
            dead = dead or answer == "PUT 201"
            return not dead

        proxy.after = after
        made, one = draft(), account(server.login(url=proxy.url))
        assert await trouble(one, made) is Trouble.UNSURE
        proxy.after = passing
        assert await added(one, made) is False
    assert len(await server.objects("work")) == 1


# Who sees what


async def done(agenda: Agenda, owner: str, operation: str, **params: Any) -> ToolResult:
    return await call({NAME: build(agenda)}, NAME, operation, params, asking(owner=owner))


async def test_everybody_sees_his_own_account_alone(server: Radicale) -> None:
    await server.has_calendar("bob's", "work", user="bob")
    for user, title in (("ada", "에이다의 회의"), ("bob", "밥의 회의")):
        await server.has("work", f"DTSTART:20261125T000000Z\nDTEND:20261125T010000Z\nSUMMARY:{title}", user=user)
    agenda = CalendarServers({"key-a": server.login("ada"), "key-b": server.login("bob")}, None, SEOUL)
    assert titles(await done(agenda, "key-a", "today")) == ["에이다의 회의"]
    assert titles(await done(agenda, "key-b", "today")) == ["밥의 회의"]
    with pytest.raises(ToolFailed, match="연결된 일정 계정이 없어요"):
        await done(agenda, "key-c", "today")
    shared = CalendarServers({"key-a": server.login("ada")}, server.login("bob"), SEOUL)
    assert titles(await done(shared, "key-a", "today")) == ["에이다의 회의"]
    assert titles(await done(shared, "key-c", "today")) == ["밥의 회의"]


async def test_a_draft_warns_of_what_is_in_any_calendar_at_that_time(server: Radicale) -> None:
    await server.has_calendar(HOME, "home")
    await server.has("home", "DTSTART:20261126T063000Z\nDTEND:20261126T070000Z\nSUMMARY:치과")
    agenda = CalendarServers({}, server.login(write=WORK), SEOUL)
    told = await done(agenda, "anonymous", "create_draft", title="회의", date="2026-11-26", time="15:00")
    assert "같은 시간에 다른 일정이 있어요" in told.text
    assert "치과" in told.text


# TLS


async def test_a_certificate_of_ones_own_is_refused_until_it_is_named(server: Radicale, tmp_path: Path) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with between(server.url, tls) as proxy:
        assert await trouble(account(server.login(url=proxy.url))) is Trouble.UNTRUSTED
        assert proxy.seen == []
        assert await found(account(server.login(url=proxy.url, ca_file=str(ca_file))), "2026-11-26") == []
        missing = account(server.login(url=proxy.url, ca_file=str(tmp_path / "none.pem")))
        assert await trouble(missing) is Trouble.UNTRUSTED
