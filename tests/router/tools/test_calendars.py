"""The calendar as a tool: looking, drafting, confirming."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from router.errors import ToolFailed, ToolOutcome
from router.tools.calendars import DRAFT_SECONDS
from router.tools.spec import PendingDraft
from tests.router.tools.calendars import NEW_YORK, asking, at, confirmed, done, titles, written
from tests.router.tools.given import NOW

MEETING = {"title": "회의", "date": "2026-11-26", "time": "15:00"}


async def drafted(folder: Path, language: str = "ko", **params: str) -> PendingDraft:
    """The draft of the meeting."""
    draft = (await done(folder, "create_draft", asking(language), **{**MEETING, **params})).draft
    assert draft is not None
    return draft


async def test_today_is_the_day_of_the_call_in_its_zone(tmp_path: Path) -> None:
    written(
        tmp_path,
        "DTSTART:20261124T150000Z\nDTEND:20261124T153000Z\nSUMMARY:자정",
        "DTSTART:20261125T150000Z\nSUMMARY:내일",
    )
    result = await done(tmp_path, "today", asking())
    assert result.text == "11월 25일 수요일\n- 00:00–00:30 자정"
    assert result.data["entries"][0]["begins"] == "2026-11-25T00:00:00+09:00"


async def test_search_has_both_its_days(tmp_path: Path) -> None:
    written(tmp_path, *(f"DTSTART:202611{day}T030000Z\nSUMMARY:{day}" for day in (25, 26, 27, 28)))
    result = await done(tmp_path, "search", asking("en"), date_from="2026-11-26", date_to="2026-11-27")
    assert titles(result) == ["26", "27"]
    assert result.text.splitlines()[0] == "Thursday, 26 November"


async def test_nothing_there_is_a_sentence_and_no_failure(tmp_path: Path) -> None:
    result = await done(tmp_path, "search", asking(), date_from="2026-11-26", date_to="2026-11-26")
    assert result.text == "11월 26일 목요일에는 일정이 없어요."
    assert dict(result.data) == {"date_from": "2026-11-26", "date_to": "2026-11-26", "entries": []}


async def test_more_than_a_year_is_refused(tmp_path: Path) -> None:
    await done(tmp_path, "search", asking(), date_from="2026-01-01", date_to="2027-01-01")
    with pytest.raises(ToolFailed, match="366일"):
        await done(tmp_path, "search", asking(), date_from="2026-01-01", date_to="2027-01-02")


async def test_a_draft_changes_nothing_and_waits_ten_minutes(tmp_path: Path) -> None:
    draft = await drafted(tmp_path, description="2층")
    assert list(tmp_path.iterdir()) == []
    assert draft.expires_at == NOW.timestamp() + 600
    assert dict(draft.params) == {**MEETING, "description": "2층"}
    assert draft.summary == "11월 26일 목요일 15:00–16:00 '회의'"


async def test_a_draft_warns_of_what_is_at_the_same_time(tmp_path: Path) -> None:
    written(
        tmp_path,
        "DTSTART;TZID=Asia/Seoul:20261105T153000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\nSUMMARY:주간 회의",
        "DTSTART;TZID=Asia/Seoul:20261126T160000\nDTEND;TZID=Asia/Seoul:20261126T170000\nSUMMARY:그다음",
    )
    result = await done(tmp_path, "create_draft", asking(), **MEETING)
    assert [one["title"] for one in result.data["conflicts"]] == ["주간 회의"]
    assert result.text.splitlines()[1:] == [
        "같은 시간에 다른 일정이 있어요:",
        "- 11월 26일 목요일 15:30–16:30 '주간 회의'",
    ]


async def test_without_a_session_the_draft_is_shown_and_none_is_kept(tmp_path: Path) -> None:
    result = await done(tmp_path, "create_draft", asking(session=None), **MEETING)
    assert result.draft is None
    assert "x-maek-session" in result.text
    assert result.data["entry"]["title"] == "회의"


async def test_a_yes_writes_the_entry_and_settles_the_draft(tmp_path: Path) -> None:
    result = await confirmed(tmp_path, await drafted(tmp_path), asking())
    assert result.settles_draft
    assert result.text == "11월 26일 목요일 15:00–16:00 '회의' 일정을 등록했어요."
    assert titles(await done(tmp_path, "search", asking(), date_from="2026-11-26", date_to="2026-11-26")) == ["회의"]


async def test_a_yes_after_a_death_between_writing_and_forgetting_writes_nothing_twice(tmp_path: Path) -> None:
    draft = await drafted(tmp_path)
    first = await confirmed(tmp_path, draft, asking())
    again = await confirmed(tmp_path, draft, asking(now=NOW + timedelta(minutes=2)))
    assert (first.data["created"], again.data["created"]) == (True, False)
    assert again.text == first.text
    assert again.settles_draft
    assert titles(await done(tmp_path, "search", asking(), date_from="2026-11-26", date_to="2026-11-26")) == ["회의"]


async def test_the_same_entry_drafted_anew_is_another_one(tmp_path: Path) -> None:
    first = await drafted(tmp_path)
    await confirmed(tmp_path, first, asking())
    await confirmed(tmp_path, replace(first, expires_at=first.expires_at + 1), asking())
    found = await done(tmp_path, "search", asking(), date_from="2026-11-26", date_to="2026-11-26")
    assert titles(found) == ["회의", "회의"]


async def test_a_draft_that_is_too_old_is_not_written(tmp_path: Path) -> None:
    draft = await drafted(tmp_path)
    for seconds, sentence in ((DRAFT_SECONDS, "초안은 10분 동안만"), (DRAFT_SECONDS + 1, "초안은 10분 동안만")):
        with pytest.raises(ToolFailed, match=sentence):
            await confirmed(tmp_path, draft, asking(now=NOW + timedelta(seconds=seconds)))
    await confirmed(tmp_path, draft, asking(now=NOW + timedelta(seconds=DRAFT_SECONDS - 1)))


@pytest.mark.parametrize(
    "draft",
    [
        None,
        PendingDraft("email", "send", {}, "", 4e9),
        PendingDraft("calendar", "create_draft", {"title": "회의"}, "", 4e9),
    ],
)
async def test_without_a_draft_of_its_own_there_is_nothing_to_confirm(
    tmp_path: Path, draft: PendingDraft | None
) -> None:
    with pytest.raises(ToolFailed, match="There is no draft to save"):
        await confirmed(tmp_path, draft, asking("en"))
    assert list(tmp_path.iterdir()) == []


async def test_a_broken_file_is_told_of_by_its_name_and_not_by_its_place(tmp_path: Path) -> None:
    written(tmp_path).write_bytes(b"nothing of the kind")
    for language, said in (("ko", "읽을 수 없어요"), ("en", "cannot be read")):
        with pytest.raises(ToolFailed, match=said) as refused:
            await done(tmp_path, "today", asking(language))
        assert "calendar/anonymous.ics" in refused.value.message
        assert str(tmp_path) not in refused.value.message


async def test_a_disk_that_refuses_is_told_of_and_the_draft_is_not_settled(tmp_path: Path) -> None:
    draft = await drafted(tmp_path)
    (tmp_path / "calendar").write_text("a file where the folder should be")
    with pytest.raises(ToolFailed, match="아무것도 바뀌지 않았어요"):
        await confirmed(tmp_path, draft, asking())


async def test_a_time_that_the_clocks_go_forward_over_is_told_of(tmp_path: Path) -> None:
    now = at("2026-03-01 10:00", NEW_YORK)
    with pytest.raises(ToolFailed, match="no such time"):
        await done(tmp_path, "create_draft", asking("en", now), NEW_YORK, title="x", date="2026-03-08", time="02:30")


async def test_an_entry_of_new_york_is_an_hour_earlier_in_summer_for_seoul(tmp_path: Path) -> None:
    for day in ("2026-10-30", "2026-11-02"):
        asked = asking("en", at("2026-10-20 10:00", NEW_YORK))
        result = await done(tmp_path, "create_draft", asked, NEW_YORK, title="standup", date=day, time="09:00")
        await done(tmp_path, "create_confirmed", replace(asked, draft=result.draft), NEW_YORK)
    found = await done(tmp_path, "search", asking(), date_from="2026-10-29", date_to="2026-11-03")
    assert [one["begins"][11:16] for one in found.data["entries"]] == ["22:00", "23:00"]


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31"])
async def test_a_day_that_no_calendar_goes_to_is_the_fault_of_who_asks(tmp_path: Path, day: str) -> None:
    for operation, params in (
        ("search", {"date_from": day, "date_to": day}),
        ("create_draft", {"title": "x", "date": day}),
    ):
        with pytest.raises(ToolFailed, match="wanted a year from 1900 to 2999") as raised:
            await done(tmp_path, operation, asking("en"), **params)
        assert raised.value.outcome is ToolOutcome.INVALID


@pytest.mark.parametrize("day", ["1900-01-01", "2999-12-31"])
async def test_the_first_and_the_last_day_are_looked_at(tmp_path: Path, day: str) -> None:
    written(tmp_path, "DTSTART:20261126T000000Z")
    assert (await done(tmp_path, "search", asking(), date_from=day, date_to=day)).data["entries"] == []
