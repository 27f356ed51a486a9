"""What an operator may do to the log, and what it tells of requests."""

import logging

import pytest

from router.keys import new_key
from simulator import SimSettings
from tests.fakes.routers import config_for, maek, maek_with_simulators

SIM = SimSettings(preset="instant")


@pytest.fixture(autouse=True)
def level_as_before() -> object:
    root = logging.getLogger()
    before = root.level
    yield
    root.setLevel(before)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was told of requests."""
    return [record.getMessage() for record in caplog.records if record.name == "router.api.access"]


async def test_the_level_changes_at_once_and_the_answer_is_the_one_in_force() -> None:
    async with maek(config_for()) as router:
        for level in ("debug", "error", "info"):
            assert await router.post("/log", {"level": level}) == (200, {"level": level})
            assert logging.getLevelName(logging.getLogger().level) == level.upper()


@pytest.mark.parametrize("body", [{}, {"level": "trace"}, {"level": 10}, {"level": ["debug"]}, {"level": None}])
async def test_a_level_that_there_is_not_changes_nothing(body: object) -> None:
    async with maek(config_for()) as router:
        await router.post("/log", {"level": "warning"})
        status, answer = await router.post("/log", body)
    assert (status, answer["error"]["message"]) == (400, "level: wanted debug, info, warning, error.")
    assert logging.getLogger().level == logging.WARNING


async def test_the_log_wants_the_key_like_everything_else() -> None:
    key, digest = new_key()
    async with maek(config_for(keys=[digest])) as router:
        assert (await router.post("/log", {"level": "debug"}))[0] == 401
        headers = {"authorization": f"Bearer {key}"}
        assert (await router.post("/log", {"level": "debug"}, headers=headers))[0] == 200


async def test_by_default_no_request_has_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with maek_with_simulators(SIM) as (router, _):
        for _ in range(3):
            await router.post("/chat", {"message": "안녕"})
    assert lines(caplog) == []


async def test_of_ten_requests_a_tenth_is_one_and_machines_that_poll_do_not_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    async with maek_with_simulators(SIM, access_log_ratio=0.1) as (router, _):
        for _ in range(30):
            await router.get("/livez")
        for _ in range(20):
            await router.get("/decisions")
    assert len(lines(caplog)) == 2


async def test_a_line_has_the_registered_path_and_nothing_that_the_caller_wrote(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    async with maek_with_simulators(SIM, access_log_ratio=1) as (router, _):
        await router.get("/sessions/c4nary?x=c4nary")
        await router.get("/c4nary")
        async with router.client.request("PATCH", router.url + "/chat?c4nary") as response:
            assert response.status == 405
        _, answer = await router.post("/chat", {"message": "안녕"}, headers={"x-request-id": "mine"})
    told = lines(caplog)
    assert [line.split(" seconds=")[0] for line in told] == [
        "access method=GET route=/sessions/{id} status=404",
        "access method=? route=unknown status=404",
        "access method=? route=unknown status=405",
        "access method=POST route=/chat status=200",
    ]
    assert told[3].endswith(f"owner=anonymous decision={answer['id']}")


async def test_a_request_that_fails_through_no_fault_of_its_caller_always_has_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with maek(config_for([{"name": "dead", "url": "http://127.0.0.1:9", "models": {"reasoner": "m"}}])) as router:
        await router.post("/v1/chat/completions", {"model": "reasoner", "messages": [{"role": "user", "content": "x"}]})
        await router.get("/readyz")
    assert [line.split()[2:4] for line in lines(caplog)] == [
        ["route=/v1/chat/completions", "status=503"],
        ["route=/readyz", "status=503"],
    ]


async def test_a_slow_request_always_has_one_where_the_operator_says_what_slow_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    async with maek_with_simulators(SIM, access_log_slow_seconds=1e-6) as (router, _):
        await router.get("/livez")
    async with maek_with_simulators(SIM, access_log_slow_seconds=3600) as (router, _):
        await router.get("/livez")
    assert [line.split()[2:4] for line in lines(caplog)] == [["route=/livez", "status=200"]]
