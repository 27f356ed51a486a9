"""Every choice says why: in a header, under /decisions, and in the log for those who debug."""

import logging

import pytest

from simulator import SimSettings
from tests.fakes.routers import config_for, maek, maek_with_simulators
from tests.fakes.upstreams import free_port

SIM = SimSettings()
BODY = {"message": "양자역학 설명해줘", "stream": True}


async def test_a_streamed_answer_says_in_its_headers_who_won_by_what_and_who_was_left_out() -> None:
    async with maek_with_simulators(SIM) as (_, [url]):
        dead = {"name": "dead", "url": f"http://127.0.0.1:{free_port()}", "models": {"reasoner": "m"}}
        live = {"name": "live", "url": url, "models": {"reasoner": "sim-large-32b"}}
        async with maek(config_for([dead, live])) as router:
            asked = {"model": "reasoner", "messages": [{"role": "user", "content": "hello"}], "stream": True}
            async with router.client.post(router.url + "/v1/chat/completions", json=asked) as response:
                why = response.headers["x-maek-why"]
                await response.read()
    assert why.startswith("predicted (ttft/e2e/cost): live ~")
    assert why.endswith("; dead down")
    assert len(why) <= 200


async def test_a_decision_holds_what_came_against_what_was_predicted() -> None:
    async with maek_with_simulators(SIM, SIM) as (router, _):
        await router.events("/chat", BODY)
        _, listed = await router.get("/decisions")
    [attempt] = listed["decisions"][0]["answering"]["attempts"]
    first, second = attempt["considered"]
    assert (attempt["policy"], attempt["panic"], attempt["not_shown"]) == ("predicted", False, {})
    assert first["backend"] == attempt["backend"]
    assert first["predicted_ttft_ms"] == attempt["predicted_ttft_ms"] > 0
    assert first["predicted_e2e_ms"] == attempt["predicted_e2e_ms"] > attempt["predicted_ttft_ms"]
    assert first["cost"] <= second["cost"]
    assert 0 <= attempt["first_token_ms"] <= attempt["total_ms"]
    assert attempt["output_tokens"] > 1
    assert attempt["demand"] | {"priority": None, "prefix_blocks": None} == {
        "role": "reasoner",
        "prompt_tokens": attempt["demand"]["prompt_tokens"],
        "max_tokens": 16000,
        "stream": True,
        "priority": None,
        "session": True,
        "prefix_blocks": None,
    }


async def test_first_tokens_of_a_backend_are_shown_as_predicted_and_as_they_came() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        await router.events("/chat", BODY)
        _, listed = await router.get("/decisions")
        _, told = await router.get("/backends")
    [attempt] = listed["decisions"][0]["answering"]["attempts"]
    first = told["backends"][0]["first_token"]
    assert first["predicted_ms"] == attempt["predicted_ttft_ms"]
    assert first["measured_ms"] == pytest.approx(attempt["first_token_ms"], abs=0.11)
    assert told["backends"][0]["tokens"] > 1


async def test_whoever_debugs_reads_a_line_for_each_choice_and_one_for_what_came(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with maek_with_simulators(SIM) as (router, _):
        with caplog.at_level(logging.DEBUG, "router"):
            _, answer = await router.post("/chat", {"message": "비밀 양자역학 설명해줘"})
    lines = [record.getMessage() for record in caplog.records if "decision=" in record.getMessage()]
    [chosen] = [line for line in lines if line.startswith(f"choice decision={answer['id']} request=")]
    [came] = [line for line in lines if line.startswith(f"attempt decision={answer['id']} request=")]
    assert "policy=predicted role=reasoner prompt_tokens=" in chosen
    assert 'backend=sim0 reason="the only one that can serve" considered="predicted (ttft/e2e/cost): sim0 ~' in chosen
    assert "backend=sim0 model=sim-large-32b outcome=ok predicted_ttft_ms=" in came
    assert "비밀" not in caplog.text


async def test_a_choice_that_nobody_could_win_is_in_the_log_too(caplog: pytest.LogCaptureFixture) -> None:
    dead = {"name": "dead", "url": f"http://127.0.0.1:{free_port()}", "models": {"reasoner": "m"}}
    async with maek(config_for([dead])) as router:
        with caplog.at_level(logging.DEBUG, "router"):
            await router.post("/chat", {"message": "hello", "role": "reasoner"})
    [line] = [one for one in caplog.messages if one.startswith("choice decision=")]
    assert 'backend=none reason="nobody in the pool can serve" considered="predicted: nobody; dead down"' in line


async def test_when_nobody_debugs_no_line_is_made(caplog: pytest.LogCaptureFixture) -> None:
    async with maek_with_simulators(SIM) as (router, _):
        with caplog.at_level(logging.INFO, "router"):
            await router.post("/chat", {"message": "양자역학 설명해줘"})
    assert "decision=" not in caplog.text
