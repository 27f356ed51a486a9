"""An entry from the wish to the calendar: `/chat` and `/v1` over real sockets, with real files."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.keys import ANONYMOUS, Keys, new_key
from router.tools.spec import PendingDraft
from simulator import SimSettings
from tests.fakes.routers import Maek, maek_with_simulators

CHAT, V1 = "/chat", "/v1/chat/completions"


@asynccontextmanager
async def with_calendar(folder: Path, **router: Any) -> AsyncIterator[Maek]:
    """A router with its data in that folder."""
    async with maek_with_simulators(SimSettings(), data_dir=str(folder), **router) as (running, _):
        yield running


@pytest.fixture(autouse=True)
def _data_in_the_configured_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAEK_DATA_DIR", raising=False)


class Talk:
    """A conversation by `/chat`, or by `/v1` with the caller's own history."""

    def __init__(self, router: Maek, path: str, headers: Mapping[str, str] | None = None) -> None:
        self._router = router
        self._path = path
        self._headers = headers or {}
        self._history: list[dict[str, str]] = []
        self.session: str | None = None

    async def say(self, message: str) -> str:
        """The text of the answer."""
        if self._path == CHAT:
            body = {"message": message} | ({"session": self.session} if self.session else {})
            status, answer = await self._router.post(CHAT, body, headers=self._headers)
            assert status == 200
            self.session = answer["session"]
            return str(answer["text"])
        self._history.append({"role": "user", "content": message})
        body = {"model": "auto", "messages": self._history}
        status, answer = await self._router.post(V1, body, headers=self._headers)
        assert status == 200
        text = str(answer["choices"][0]["message"]["content"])
        self._history.append({"role": "assistant", "content": text})
        return text


ROOM = {"x-maek-session": "room 1"}
KOREAN = ("내일 3시 회의 잡아줘", "일정을 등록할까요?", "응", "등록했어요", "내일 일정", "- 15:00–16:00 회의")
ENGLISH = (
    *("schedule a meeting with Bob tomorrow at 3pm", "shall I save it?", "yes", "Saved: 'meeting with Bob'"),
    *("what's on my calendar tomorrow?", "- 15:00–16:00 meeting with Bob"),
)


@pytest.mark.parametrize("path", [CHAT, V1])
@pytest.mark.parametrize("conversation", [KOREAN, ENGLISH])
async def test_a_wish_a_yes_an_entry(tmp_path: Path, path: str, conversation: tuple[str, ...]) -> None:
    wish, asks, yes, saved, looks, shows = conversation
    async with with_calendar(tmp_path) as router:
        talk = Talk(router, path, ROOM)
        assert asks in await talk.say(wish)
        assert not (tmp_path / "calendar").exists()
        assert saved in await talk.say(yes)
        assert shows in await talk.say(looks)


@pytest.mark.parametrize("path", [CHAT, V1])
async def test_a_no_drops_the_draft_and_a_yes_after_it_saves_nothing(tmp_path: Path, path: str) -> None:
    async with with_calendar(tmp_path) as router:
        talk = Talk(router, path, ROOM)
        await talk.say("내일 3시 회의 잡아줘")
        assert await talk.say("아니") == "알겠어요, 등록하지 않을게요."
        await talk.say("응")
        assert (await talk.say("내일 일정")).endswith("에는 일정이 없어요.")


@pytest.mark.parametrize(
    ("wish", "yes", "told"),
    [("내일 3시 회의 잡아줘", "응", "등록하지 않았어요"), ("meeting tomorrow at 3", "yes", "Nothing was saved")],
)
async def test_a_caller_without_a_session_is_shown_the_draft_and_told_how_to_save_it(
    tmp_path: Path, wish: str, yes: str, told: str
) -> None:
    async with with_calendar(tmp_path) as router:
        talk = Talk(router, V1)
        assert "x-maek-session" in await talk.say(wish)
        answer = await talk.say(yes)
    assert answer.startswith(told)
    assert "x-maek-session" in answer
    assert not (tmp_path / "calendar").exists()


async def test_a_user_or_a_cache_key_is_no_conversation_and_keeps_no_draft(tmp_path: Path) -> None:
    async with with_calendar(tmp_path) as router:
        body = {"model": "auto", "user": "kim", "prompt_cache_key": "k"}
        message = {"role": "user", "content": "내일 3시 회의 잡아줘"}
        _, answer = await router.post(V1, {**body, "messages": [message]})
    assert "x-maek-session" in answer["choices"][0]["message"]["content"]


async def test_a_stream_tells_of_the_draft(tmp_path: Path) -> None:
    async with with_calendar(tmp_path) as router:
        events = await router.events(CHAT, {"message": "내일 3시 회의 잡아줘", "stream": True})
    assert [event.name for event in events] == ["decision", "tool", "draft", "token", "done"]
    draft = orjson.loads(events[2].data)["draft"]
    assert (draft["operation"], draft["params"]["title"]) == ("create_draft", "회의")


async def test_a_yes_that_is_heard_again_after_a_crash_makes_no_second_entry(tmp_path: Path) -> None:
    async with with_calendar(tmp_path) as router:
        talk, sessions = Talk(router, CHAT), router.house.parts.sessions
        await talk.say("내일 3시 회의 잡아줘")
        draft = await sessions.pending(talk.session or "", ANONYMOUS)
        assert draft is not None
        first = await talk.say("응")
        assert await sessions.pending(talk.session or "", ANONYMOUS) is None
        await sessions.put_pending(talk.session or "", ANONYMOUS, draft)
        assert await talk.say("응") == first
        assert (await talk.say("내일 일정")).count("회의") == 1


async def test_a_yes_that_comes_too_late_is_told_so_once(tmp_path: Path) -> None:
    async with with_calendar(tmp_path) as router:
        talk, sessions = Talk(router, CHAT), router.house.parts.sessions
        await talk.say("안녕")
        late = PendingDraft("calendar", "create_draft", {"title": "회의", "date": "2026-11-26"}, "회의", expires_at=1.0)
        await sessions.put_pending(talk.session or "", ANONYMOUS, late)
        assert "시간이 지나서" in await talk.say("응")
        assert await sessions.pending(talk.session or "", ANONYMOUS) is None
        await sessions.put_pending(talk.session or "", ANONYMOUS, late)
        await talk.say("고마워")
        assert await sessions.pending(talk.session or "", ANONYMOUS) is None
    assert not (tmp_path / "calendar").exists()


async def test_two_keys_have_two_calendars_and_no_yes_reaches_the_other_one(tmp_path: Path) -> None:
    (kim, kims), (lee, lees) = new_key(), new_key()
    async with with_calendar(tmp_path, keys=[kims, lees]) as router:
        of_kim, of_lee = (Talk(router, V1, {**ROOM, "authorization": f"Bearer {key}"}) for key in (kim, lee))
        await of_kim.say("내일 3시 회의 잡아줘")
        assert "등록했어요" not in await of_lee.say("응")
        assert "등록했어요" in await of_kim.say("응")
        assert "회의" in await of_kim.say("내일 일정")
        assert (await of_lee.say("내일 일정")).endswith("에는 일정이 없어요.")
    owner = Keys([kims]).owner_of(kim)
    assert [path.name for path in (tmp_path / "calendar").glob("*.ics")] == [f"{owner}.ics"]


async def test_a_broken_calendar_is_told_of_and_the_draft_still_waits_for_its_repair(tmp_path: Path) -> None:
    async with with_calendar(tmp_path) as router:
        talk = Talk(router, CHAT)
        await talk.say("내일 3시 회의 잡아줘")
        broken = tmp_path / "calendar" / f"{ANONYMOUS}.ics"
        broken.parent.mkdir()
        broken.write_text("nothing of the kind")
        assert "calendar/anonymous.ics" in await talk.say("응")
        assert broken.read_text() == "nothing of the kind"
        broken.unlink()
        assert "등록했어요" in await talk.say("응")


async def test_without_a_calendar_maek_says_that_there_is_none(tmp_path: Path) -> None:
    async with with_calendar(tmp_path, tools={"calendar": {"kind": "none"}}) as router:
        assert "설정되어 있지 않아서" in await Talk(router, CHAT).say("오늘 일정")
