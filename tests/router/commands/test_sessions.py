"""`maek sessions` as a user calls it: against a Maek that runs, and on the file alone."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from router.conversation import Message, Role
from router.keys import new_key
from router.sessions.sqlite import SqliteSessions
from router.sessions.store import Bounds
from router.sessions.trimming import Summary
from router.tools.spec import PendingDraft
from simulator import SimSettings
from tests.fakes.processes import maek_command
from tests.fakes.routers import maek_with_simulators
from tests.fakes.upstreams import free_port

ENGLISH = {"LC_ALL": "C.UTF-8", "MAEK_KEY": ""}
KIM, LEE = "0123456789ab", "ba9876543210"


async def sessions(*arguments: str, **environ: str) -> tuple[int, str, str]:
    return await maek_command("sessions", *arguments, environ=ENGLISH | environ)


async def test_a_key_lists_shows_exports_and_deletes_its_own() -> None:
    key, key_hash = new_key()
    other, other_hash = new_key()
    async with maek_with_simulators(SimSettings(), keys=[key_hash, other_hash]) as (router, _):

        async def mine(*arguments: str) -> tuple[int, str, str]:
            return await sessions(*arguments, "--url", router.url, MAEK_KEY=key)

        for name, whose in (("room/1", key), ("room-2", key), ("of-another", other)):
            body = {"message": "내일 3시 회의 잡아줘", "session": name}
            await router.post("/chat", body, headers={"authorization": f"Bearer {whose}"})
        listed = await mine("list")
        rows = await mine("list", "--json", "--limit", "1")
        shown = await mine("show", "room/1")
        as_json = await mine("show", "room/1", "--json")
        all_of_them = await mine("export")
        one = await mine("export", "room-2")
        deleted = await mine("delete", "room/1", "room-2")
        nothing = await mine("list")
        others = await mine("show", "of-another")
        locked = await sessions("list", "--url", router.url)
    assert listed[0] == 0
    assert [line.split()[2] for line in listed[1].splitlines()] == ["room-2", "room/1"]
    assert "2 messages, a draft waits" in listed[1]
    assert [orjson.loads(line)["id"] for line in rows[1].splitlines()] == ["room-2"]
    assert "there are more" in rows[2]
    assert "you: 내일 3시 회의 잡아줘" in shown[1]
    assert "[a draft that waits for a yes]" in shown[1]
    assert orjson.loads(as_json[1])["draft"]["params"]["title"] == "회의"
    assert [orjson.loads(line)["id"] for line in all_of_them[1].splitlines()] == ["room-2", "room/1"]
    assert [orjson.loads(line)["id"] for line in one[1].splitlines()] == ["room-2"]
    assert (deleted[0], deleted[1].split()) == (0, ["room/1", "room-2"])
    assert nothing[1] == "no conversations\n"
    assert others[0] == 1
    assert "There is no such session" in others[2]
    assert "MAEK_KEY" in locked[2]


async def filled(folder: Path) -> dict[str, str]:
    """A file with conversations of two keys, one of which has all that can be kept; the environment that names it."""
    store = await SqliteSessions.opened(folder, Bounds(40, 1e9, 100))
    for owner, name in ((KIM, "room-1"), (LEE, "room-1"), (LEE, "room-2")):
        await store.open(name, owner)
        await store.append(name, owner, [Message(Role.USER, "가" * 30)], language="ko")
        await store.append(name, owner, [Message(Role.USER, "안녕\x1b[31m")], keeps_dropped=True)
    waiting = await store.dropped("room-2", LEE)
    await store.put_summary("room-2", LEE, Summary("녹차를 좋아함", waiting[-1].at), waiting)
    await store.put_pending("room-2", LEE, PendingDraft("calendar", "create_draft", {}, "등록할까요?", 1.0))
    await store.close()
    return {"MAEK_DATA_DIR": str(folder)}


async def test_the_operator_sees_every_keys_in_the_file_while_maek_does_not_run(tmp_path: Path) -> None:
    data = await filled(tmp_path)
    listed = await sessions("list", "--offline", "--json", **data)
    shown = await sessions("show", "room-2", "--offline", "--lang", "ko", **data)
    exported = await sessions("export", "--offline", **data)
    of_kim = await sessions("export", "--offline", "--owner", KIM, **data)
    rows: list[Any] = [orjson.loads(line) for line in listed[1].splitlines()]
    assert [(row["owner"], row["id"], row["summarised"]) for row in rows] == [
        (LEE, "room-2", True),
        (LEE, "room-1", False),
        (KIM, "room-1", False),
    ]
    assert shown[1].startswith("[앞의 요약] 녹차를 좋아함\n")
    assert "나: 안녕" in shown[1]
    assert "[시간이 지난 초안] 등록할까요?" in shown[1]
    assert "\x1b" not in shown[1]
    assert len(exported[1].splitlines()) == 3
    assert [orjson.loads(line)["owner"] for line in of_kim[1].splitlines()] == [KIM]
    assert len(orjson.loads(of_kim[1])["dropped"]) == 1


async def test_offline_a_name_that_several_keys_use_wants_to_be_told_whose(tmp_path: Path) -> None:
    data = await filled(tmp_path)
    unclear = await sessions("delete", "room-1", "--offline", **data)
    deleted = await sessions("delete", "room-1", "--offline", "--owner", LEE, **data)
    left = await sessions("list", "--offline", **data)
    missing = await sessions("show", "room-3", "--offline", **data)
    assert unclear[0] == 1
    assert f"say whose with --owner: {LEE}, {KIM}." in unclear[2]
    assert deleted[0] == 0
    assert [line.split()[2:4] for line in left[1].splitlines()] == [["room-2", LEE], ["room-1", KIM]]
    assert "there is no session room-3" in missing[2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("list", "--offline"), "no sessions are kept in"),
        (("list", "--owner", KIM), "--owner goes with --offline"),
        (("list", "--url", f"http://127.0.0.1:{free_port()}"), "Is `maek serve` running?"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line_that_helps(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, problem = await sessions(*arguments, MAEK_DATA_DIR=str(tmp_path / "empty"))
    assert (code, out) == (1, "")
    assert problem.startswith("maek sessions: ")
    assert sentence in problem
    assert not (tmp_path / "empty").exists()


async def test_a_file_that_is_no_good_is_named(tmp_path: Path) -> None:
    (tmp_path / "sessions.sqlite3").write_bytes(b"not a database" * 100)
    code, _, problem = await sessions("list", "--offline", MAEK_DATA_DIR=str(tmp_path))
    assert code == 1
    assert "is damaged or is not a session file" in problem
