"""Jobs over HTTP: real sockets, a real store on disk, and simulators behind."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from router.jobs.database import FILE_NAME
from router.keys import ANONYMOUS, new_key
from simulator import SimSettings, serving
from tests.fakes.desks import QUESTION, Desk, desk, told, until_so
from tests.fakes.waiting import until

QUICK = {"retry_seconds": 0.05, "most_retry_seconds": 0.1}


@pytest.fixture(autouse=True)
def _data_in_the_configured_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAEK_DATA_DIR", raising=False)


async def test_a_job_answers_what_a_chat_would_have(tmp_path: Path) -> None:
    async with desk(tmp_path) as giver:
        job_id = await giver.accepted()
        events = await giver.events(job_id)
        job = await giver.job(job_id)
        _, chat = await giver.router.post("/chat", QUESTION)
    assert job["state"] == "done"
    assert set(job["result"]) == set(chat)
    assert (job["result"]["text"], job["result"]["backend"]) == (chat["text"], "sim")
    assert "".join(token["text"] for token in told(events, "token")) == chat["text"]
    assert [state["state"] for state in told(events, "job")] == ["queued", "running", "done"]
    assert [event.id for event in events] == [str(number) for number in range(1, len(events) + 1)]
    assert events[-1].name == "job"


async def test_who_has_no_jobs_has_no_file(tmp_path: Path) -> None:
    async with desk(tmp_path) as giver:
        assert await giver.ask("GET", "/jobs") == (200, {"jobs": [], "next": None})
        for method, path in (
            ("GET", "/jobs/x"),
            ("DELETE", "/jobs/x"),
            ("GET", "/jobs/x/events"),
            ("POST", "/jobs/x/retry"),
        ):
            assert (await giver.ask(method, path))[0] == 404
        assert not (tmp_path / FILE_NAME).exists()


async def test_the_same_key_and_body_are_one_job_and_another_body_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as giver:
        first = await giver.post(QUESTION, idempotency_key="k1")
        again = await giver.post(QUESTION, idempotency_key="k1")
        other = await giver.post({"message": "다른 질문"}, idempotency_key="k1")
        bad = await giver.post(QUESTION, idempotency_key="two words")
    assert first[1]["id"] == again[1]["id"]
    assert (first[0], again[0]) == (202, 202)
    assert ("idempotent-replayed" in first[2], again[2]["idempotent-replayed"]) == (False, "true")
    assert (other[0], other[1]["error"]["code"]) == (422, "idempotency_key_reused")
    assert (bad[0], bad[1]["error"]["param"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "message", "bad_request"),
        ({"message": "a", "nonsense": 1}, "nonsense", "bad_request"),
        ({"message": "a", "deadline_seconds": 0}, "deadline_seconds", "bad_request"),
        ({"message": "a", "role": "nobody"}, "role", "unknown_model"),
        ({"message": "a", "session": "has space"}, "session", "bad_request"),
        ({"message": "a", "webhook": "http://127.0.0.1/x"}, "webhook", "bad_request"),
    ],
)
async def test_a_body_that_can_never_be_done_is_refused_at_once(
    tmp_path: Path, body: Mapping[str, Any], param: str, code: str
) -> None:
    async with desk(tmp_path) as giver:
        status, answer, _ = await giver.post(body)
    assert status in (400, 404)
    assert (answer["error"]["param"], answer["error"]["code"]) == (param, code)


async def test_bad_questions_about_jobs_are_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as giver:
        job_id = await giver.accepted()
        assert (await giver.ask("GET", "/jobs?state=ded"))[1]["error"]["message"].startswith("state: wanted queued")
        assert (await giver.ask("GET", "/jobs?limit=0"))[0] == 400
        giver.headers["last-event-id"] = "x"
        assert (await giver.ask("GET", f"/jobs/{job_id}/events"))[0] == 400


async def test_a_cancelled_job_stops_its_backend(tmp_path: Path) -> None:
    async with desk(tmp_path) as giver:
        await giver.fault({"stall": {}})
        job_id = await giver.accepted()
        await until(lambda: giver.router.in_flight() == 1)
        status, job = await giver.ask("DELETE", f"/jobs/{job_id}")
        assert giver.router.in_flight() == 0
        events = await giver.events(job_id)
        status_again, job_again = await giver.ask("DELETE", f"/jobs/{job_id}")
        assert await until_so(giver.idle)
    assert (status, job["state"]) == (200, "cancelled")
    assert told(events, "job")[-1]["state"] == "cancelled"
    assert (status_again, job_again) == (200, job)


async def test_a_job_that_waits_can_be_cancelled_before_its_turn(tmp_path: Path) -> None:
    async with desk(tmp_path, jobs={"concurrency": 1}) as giver:
        await giver.fault({"stall": {}})
        first, second = await giver.accepted(), await giver.accepted()
        await until(lambda: giver.router.in_flight() == 1)
        assert (await giver.job(second))["state"] == "queued"
        assert (await giver.ask("DELETE", f"/jobs/{second}"))[1]["state"] == "cancelled"
        await giver.fault({})
        assert (await giver.ended(first))["state"] == "done"
        assert (await giver.job(second))["attempts"] == 0


async def test_listeners_come_back_and_miss_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as giver:
        await giver.fault({"stall": {}})
        job_id = await giver.accepted()
        first = await giver.events(job_id, most=3)
        await giver.fault({})
        rest = await giver.events(job_id, after=3)
        whole = await giver.events(job_id)
        giver.headers["last-event-id"] = str(len(whole))
        over, _ = await giver.ask("GET", f"/jobs/{job_id}/events")
    assert first + rest == whole
    assert over == 204


async def test_a_job_belongs_to_the_key_that_made_it(tmp_path: Path) -> None:
    (mine, my_hash), (theirs, their_hash) = new_key(), new_key()
    async with desk(tmp_path, keys=[my_hash, their_hash]) as giver:
        me = Desk(giver.router, giver.sim, {"authorization": f"Bearer {mine}"})
        you = Desk(giver.router, giver.sim, {"authorization": f"Bearer {theirs}"})
        job_id = await me.accepted()
        await me.ended(job_id)
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events"), ("POST", "/retry")):
            assert (await you.ask(method, f"/jobs/{job_id}{path}"))[0] == 404
            assert (await giver.ask(method, f"/jobs/{job_id}{path}"))[0] == 401
        assert (await you.ask("GET", "/jobs"))[1]["jobs"] == []
        assert [job["id"] for job in (await me.ask("GET", "/jobs"))[1]["jobs"]] == [job_id]


async def test_faults_of_backends_are_tried_again_then_the_job_is_a_dead_letter_and_can_be_retried(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, jobs={"attempts": 3, **QUICK}) as giver:
        await giver.fault({"error_500": {}})
        job_id = await giver.accepted()
        dead = await giver.ended(job_id)
        _, listed = await giver.ask("GET", "/jobs?state=dead")
        retried = await giver.metric('maek_job_retries_total{code="backend_failed"} 2.0')
        await giver.fault({})
        status, _ = await giver.ask("POST", f"/jobs/{job_id}/retry")
        done = await giver.has_state(job_id, "done")
        refused, answer = await giver.ask("POST", f"/jobs/{job_id}/retry")
    assert (dead["state"], dead["attempts"], dead["error"]["code"]) == ("dead", 3, "backend_failed")
    assert [job["id"] for job in listed["jobs"]] == [job_id]
    assert retried
    assert (status, done["attempts"], done["error"]) == (202, 4, None)
    assert (refused, answer["error"]["code"]) == (400, "bad_request")


async def test_a_backend_that_comes_back_in_time_does_the_job(tmp_path: Path) -> None:
    async with desk(tmp_path, jobs={"attempts": 50, **QUICK}) as giver:
        await giver.fault({"error_500": {}})
        job_id = await giver.accepted()
        waiting = await giver.has_state(job_id, "queued")
        await giver.fault({})
        done = await giver.ended(job_id)
    assert waiting["state"] == "queued"
    assert done["state"] == "done"
    assert done["result"]["text"]


async def test_a_job_whose_time_is_over_is_broken_off(tmp_path: Path) -> None:
    async with desk(tmp_path) as giver:
        await giver.fault({"stall": {}})
        job_id = await giver.accepted(QUESTION | {"deadline_seconds": 0.5})
        job = await giver.ended(job_id)
        assert giver.router.in_flight() == 0
    assert (job["state"], job["error"]["code"]) == ("dead", "deadline_passed")


async def test_running_jobs_feed_the_load_and_are_counted(tmp_path: Path) -> None:
    async with desk(tmp_path, jobs={"concurrency": 1, "pools": {"reasoner": 2}}) as giver:
        await giver.fault({"stall": {}})
        jobs = [await giver.accepted() for _ in range(3)]
        await until(lambda: giver.router.house.snapshot().queue_active == 2)
        load = (await giver.router.get("/backends"))[1]["backends"][0]["load"]
        assert await until_so(lambda: giver.metric('maek_jobs{state="queued"} 1.0'))
        assert await giver.metric("maek_queue_active 2.0")
        assert await until_so(lambda: giver.metric('maek_jobs{state="running"} 2.0'))
        assert load["signals"]["queue"] == 2
        await giver.fault({})
        for job_id in jobs:
            await giver.ended(job_id)
        await until(lambda: giver.router.house.snapshot().queue_active == 0)
        assert await giver.metric('maek_job_duration_seconds_count{state="done"} 3.0')


async def test_a_stop_lets_running_jobs_wait_and_the_next_start_does_them(tmp_path: Path) -> None:
    async with serving(SimSettings(preset="instant")) as sim:
        async with desk(tmp_path, sim=sim) as giver:
            await giver.fault({"stall": {}})
            job_id = await giver.accepted()
            await until(lambda: giver.router.in_flight() == 1)
        async with desk(tmp_path, sim=sim) as giver:
            waiting = await giver.job(job_id)
            await giver.fault({})
            done = await giver.ended(job_id)
    assert waiting["state"] in ("queued", "running")
    assert (done["state"], done["attempts"]) == ("done", 2)


async def test_whoever_follows_a_job_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    async with desk(tmp_path) as giver:
        await giver.fault({"stall": {}})
        job_id = await giver.accepted()
        await until(lambda: giver.router.in_flight() == 1)
        following = asyncio.create_task(giver.events(job_id))
        await asyncio.sleep(0)
        await giver.events(job_id, most=2)
        giver.router.house.parts.jobs.wind_down()
        events = await asyncio.wait_for(following, 5)
    assert told(events, "job")[-1]["state"] == "running"


async def test_a_yes_writes_once_and_only_what_waited_when_it_was_said(tmp_path: Path) -> None:
    async with desk(tmp_path) as giver:
        drafted = await giver.ended(await giver.accepted({"message": "내일 3시 회의 잡아줘", "session": "room"}))
        written = await giver.ended(await giver.accepted({"message": "응", "session": "room"}))
        await giver.fault({"stall": {}})
        first = await giver.accepted({"message": "양자역학 설명해줘", "session": "room"})
        await giver.ended(await giver.accepted({"message": "모레 4시 치과 잡아줘", "session": "other"}))
        await until(lambda: giver.router.in_flight() == 1)
        blind = await giver.accepted({"message": "응", "session": "room"})
        sessions = giver.router.house.parts.sessions
        draft = await sessions.pending("other", ANONYMOUS)
        assert draft is not None
        await sessions.put_pending("room", ANONYMOUS, draft)
        await giver.fault({})
        await giver.ended(first)
        refused = await giver.ended(blind)
    assert drafted["result"]["draft"]["operation"] == "create_draft"
    assert [step["outcome"] for step in written["writes"]] == ["written"]
    assert written["result"]["data"]["created"] is True
    assert refused["writes"] == []
    assert "기다리던 초안이 아니어서" in refused["result"]["text"]
    assert (tmp_path / "calendar" / f"{ANONYMOUS}.ics").read_text().count("BEGIN:VEVENT") == 1


async def test_a_second_maek_on_the_same_folder_takes_over_when_the_first_has_ended(tmp_path: Path) -> None:
    async with serving(SimSettings(preset="instant")) as sim:
        async with AsyncExitStack() as second_stack:
            async with desk(tmp_path, sim=sim) as first:
                await first.fault({"stall": {}})
                job_id = await first.accepted()
                await until(lambda: first.router.in_flight() == 1)
                second = await second_stack.enter_async_context(desk(tmp_path, sim=sim))
                status, refused, _ = await second.post(QUESTION)
            await second.fault({})
            done = await until_so(partial(second.done_or_nothing, job_id))
    assert (status, refused["error"]["code"]) == (500, "job_store_failed")
    assert (done["state"], done["attempts"]) == ("done", 2)


async def test_a_new_configuration_lets_more_jobs_run_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path, jobs={"concurrency": 1}) as giver:
        await giver.fault({"stall": {}})
        for _ in range(2):
            await giver.accepted()
        await until(lambda: giver.router.in_flight() == 1)
        config = giver.router.house.current.service.config
        jobs = config.router.jobs.model_copy(update={"concurrency": 2})
        router = config.router.model_copy(update={"jobs": jobs})
        giver.router.house.adopt(config.model_copy(update={"router": router}))
        await until(lambda: giver.router.in_flight() == 2)


@pytest.mark.parametrize(("named", "korean"), [({}, True), ({"lang": "en"}, False)])
async def test_a_word_that_says_little_is_in_the_language_that_was_named_else_in_that_of_the_session(
    tmp_path: Path, named: Mapping[str, str], korean: bool
) -> None:
    async with desk(tmp_path) as giver:
        await giver.router.post("/chat", {"message": "안녕", "session": "s"})
        job_id = await giver.accepted({"message": "thanks", "session": "s", **named})
        await giver.events(job_id)
        text = (await giver.job(job_id))["result"]["text"]
    assert any("가" <= character <= "힣" for character in text) is korean
