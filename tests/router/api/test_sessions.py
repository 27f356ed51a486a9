"""`/sessions`: a key's conversations are listed, shown whole and deleted, and nobody else's."""

from urllib.parse import quote

import pytest

from router.keys import new_key
from simulator import SimSettings
from tests.fakes.routers import Maek, maek_with_simulators

ROOM = "room-1"


async def say(router: Maek, message: str) -> None:
    """Say this in the room."""
    await router.post("/chat", {"message": message, "session": ROOM})


async def test_the_list_the_export_and_the_end_of_a_conversation() -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        await say(router, "안녕")
        await say(router, "내일 3시 회의 잡아줘")
        _, listed = await router.get("/sessions")
        _, whole = await router.get(f"/sessions/{ROOM}")
        async with router.client.delete(f"{router.url}/sessions/{ROOM}") as response:
            deleted = response.status
        gone, error = await router.get(f"/sessions/{ROOM}")
        async with router.client.delete(f"{router.url}/sessions/{ROOM}") as response:
            again = response.status
    (row,) = listed["sessions"]
    assert (row["id"], row["messages"], row["language"], listed["next"]) == (ROOM, 4, "ko", None)
    assert row["draft"]["expired"] is False
    assert [said["role"] for said in whole["messages"]] == ["user", "assistant"] * 2
    assert whole["draft"]["params"]["title"] == "회의"
    assert (deleted, gone, again, error["error"]["code"]) == (204, 404, 404, "not_found")


async def test_a_waiting_question_is_shown() -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        await say(router, "회의 잡아줘")
        _, listed = await router.get("/sessions")
        _, whole = await router.get(f"/sessions/{ROOM}")
    assert listed["sessions"][0]["question"] == "date"
    assert whole["question"]["choices"] == ["오늘", "내일", "모레"]


async def test_the_list_may_be_of_the_drafts_that_wait() -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        await router.post("/chat", {"message": "안녕", "session": "no-draft"})
        await say(router, "내일 3시 회의 잡아줘")
        _, waiting = await router.get("/sessions?draft=true")
        _, everything = await router.get("/sessions?draft=false")
        await say(router, "아니")
        _, afterwards = await router.get("/sessions?draft=true")
    assert [(row["id"], row["draft"]["expired"]) for row in waiting["sessions"]] == [(ROOM, False)]
    assert len(everything["sessions"]) == 2
    assert afterwards["sessions"] == []


async def test_the_list_comes_in_pages_that_have_each_session_once() -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        names = [f"room/{number}?&#%~" for number in range(5)]
        for name in names:
            await router.post("/chat", {"message": "안녕", "session": name})
        found, after = [], ""
        while True:
            _, page = await router.get(f"/sessions?limit=2{after}")
            found += [row["id"] for row in page["sessions"]]
            if page["next"] is None:
                break
            after = f"&after={quote(page['next'], safe='')}"
        wholes = [await router.get("/sessions/" + quote(name, safe="")) for name in names]
    assert found == names[::-1]
    assert [whole["id"] for _, whole in wholes] == names


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("after=x", "after"),
        ("draft=1", "draft"),
    ],
)
async def test_a_query_that_makes_no_sense_is_named(query: str, param: str) -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        status, body = await router.get(f"/sessions?{query}")
    assert (status, body["error"]["param"]) == (400, param)


async def test_a_key_sees_and_deletes_its_own_alone() -> None:
    keys = [new_key() for _ in range(2)]
    kim, lee = ({"authorization": f"Bearer {key}"} for key, _ in keys)
    async with maek_with_simulators(SimSettings(), keys=[key_hash for _, key_hash in keys]) as (router, _):
        await router.post("/chat", {"message": "안녕", "session": ROOM}, headers=kim)
        _, listed = await router.get("/sessions", headers=lee)
        shown, others = await router.get(f"/sessions/{ROOM}", headers=lee)
        _, nobodys = await router.get("/sessions/never-was", headers=lee)
        async with router.client.delete(f"{router.url}/sessions/{ROOM}", headers=lee) as response:
            deleted = response.status
        unknown, _ = await router.get("/sessions")
        _, mine = await router.get("/sessions", headers=kim)
    assert listed == {"sessions": [], "next": None}
    assert (shown, deleted, unknown) == (404, 404, 401)
    assert others["error"]["message"] == nobodys["error"]["message"]
    assert len(mine["sessions"]) == 1
