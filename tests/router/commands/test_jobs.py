"""`maek jobs`, against a running Maek."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from router.cli import main
from router.keys import new_key
from tests.fakes.desks import Desk, desk
from tests.fakes.routers import Maek


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAEK_DATA_DIR", "MAEK_KEY"):
        monkeypatch.delenv(name, raising=False)


async def run(router: Maek, *words: str) -> int:
    """The exit code of a command, in a thread of its own as in a process of its own."""
    return await asyncio.to_thread(main, ["jobs", *words, "--url", router.url, "--lang", "en"])


def lines(capsys: pytest.CaptureFixture[str]) -> Sequence[str]:
    return capsys.readouterr().out.splitlines()


async def dead_letter(giver: Desk) -> str:
    await giver.fault({"error_500": {}})
    job_id = await giver.accepted({"message": "양자역학\t설명해줘"})
    await giver.ended(job_id)
    return job_id


async def test_a_list_names_each_job_with_its_state_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with desk(tmp_path, jobs={"attempts": 1}) as giver:
        assert await run(giver.router) == 0
        assert lines(capsys) == ["no jobs"]
        dead = await dead_letter(giver)
        await giver.fault({})
        done = await giver.accepted()
        await giver.ended(done)
        assert await run(giver.router) == 0
        everything = lines(capsys)
        assert await run(giver.router, "--dead") == 0
        given_up = lines(capsys)
        assert await run(giver.router, "--state", "done", "--json") == 0
        as_json = orjson.loads(capsys.readouterr().out)
    assert [line.split()[0] for line in everything[1:]] == [done, dead]
    assert [line.split()[:3] for line in given_up[1:]] == [[dead, "dead", "1"]]
    assert given_up[1].endswith("[backend_failed]")
    assert "양자역학?설명해줘" in given_up[1]
    assert [job["id"] for job in as_json["jobs"]] == [done]


async def test_one_job_is_shown_with_its_answer_retried_and_cancelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with desk(tmp_path, jobs={"attempts": 1}) as giver:
        job_id = await dead_letter(giver)
        assert await run(giver.router, "show", job_id) == 0
        shown = lines(capsys)
        await giver.fault({"stall": {}})
        assert await run(giver.router, "retry", job_id) == 0
        capsys.readouterr()
        assert await run(giver.router, "cancel", job_id, "--json") == 0
        cancelled = orjson.loads(capsys.readouterr().out)
        await giver.fault({})
        await giver.ended(await giver.accepted({"message": "내일 3시 회의 잡아줘", "session": "room"}))
        await giver.ended(written := await giver.accepted({"message": "응", "session": "room"}))
        assert await run(giver.router, "show", written) == 0
        answer = lines(capsys)
    assert any(line.startswith("error           backend_failed: ") for line in shown)
    assert cancelled["state"] == "cancelled"
    assert "wrote           calendar.create_confirmed: written" in answer
    assert "등록했어요" in answer[-1]


async def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, key_hash = new_key()
    async with desk(tmp_path, keys=[key_hash]) as giver:
        assert await run(giver.router) == 1
        assert "MAEK_KEY" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["jobs", "--url", giver.router.url, "--lang", "en"]) == 1
    assert "nothing answers" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["jobs", "show"]) == 2
    assert capsys.readouterr().err == "maek jobs: show takes the id of a job.\n"
    assert await asyncio.to_thread(main, ["jobs", "list", "x"]) == 2
    assert capsys.readouterr().err == "maek jobs: list takes no id.\n"


async def test_a_job_that_is_not_there_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with desk(tmp_path) as giver:
        assert await run(giver.router, "show", "no/such job") == 1
    assert "There is no such job" in capsys.readouterr().err
