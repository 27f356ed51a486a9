"""`/chat` and `/decide` over real sockets."""

import orjson
import pytest

from simulator import SimSettings
from tests.fakes.routers import config_for, maek, maek_with_simulators
from tests.fakes.simulators import set_faults, sim_state
from tests.fakes.waiting import until

SIM = SimSettings()


async def test_a_greeting_is_answered_by_rules_without_any_backend() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        status, answer = await router.post("/chat", {"message": "안녕"})
    assert status == 200
    assert (answer["action"], answer["decision"]["source"], answer["backend"]) == ("direct", "rule", None)
    assert "이드" in answer["text"]


async def test_a_routed_message_is_answered_by_the_reasoner_and_says_by_whom() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        async with router.client.post(router.url + "/chat", json={"message": "양자역학 설명해줘"}) as response:
            answer = await response.json()
            headers = response.headers
    assert (answer["action"], answer["backend"], answer["model"]) == ("route", "sim0", "sim-large-32b")
    assert answer["text"].startswith("(시뮬레이터)")
    assert answer["timings"]["total_ms"] >= answer["timings"]["first_token_ms"] >= 0
    assert headers["x-maek-backend"] == "sim0"
    assert headers["x-maek-load"] == "free"
    assert headers["x-maek-attempts"] == "1"
    assert headers["x-maek-decision"] == answer["id"]


async def test_a_stream_tells_the_decision_then_tokens_then_done_and_they_make_the_same_text() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        events = await router.events("/chat", {"message": "양자역학 설명해줘", "stream": True})
    names = [event.name for event in events]
    assert (names[0], names[-1]) == ("decision", "done")
    assert set(names[1:-1]) == {"token"}
    text = "".join(orjson.loads(event.data)["text"] for event in events[1:-1])
    assert orjson.loads(events[-1].data)["text"] == text


async def test_a_tool_answers_with_a_notice_before_it_where_it_has_one() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        events = await router.events("/chat", {"message": "산업안전보건법 제6장 내용이 뭐야", "stream": True})
    assert [event.name for event in events] == ["decision", "notice", "tool", "token", "done"]
    assert orjson.loads(events[1].data)["notice"] == "서고를 확인하는 중입니다"


async def test_a_session_remembers_what_was_said_and_only_good_turns() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        _, first = await router.post("/chat", {"message": "안녕"})
        await router.post("/chat", {"message": "양자역학 설명해줘", "session": first["session"]})
        history = await router.house.parts.sessions.history(first["session"], "anonymous")
    assert [message.text for message in history][::2] == ["안녕", "양자역학 설명해줘"]
    assert history[3].text.startswith("(시뮬레이터)")


async def test_a_failed_turn_leaves_the_conversation_as_it_was() -> None:
    dead = {"name": "dead", "url": "http://127.0.0.1:9", "models": {"reasoner": "m"}}
    async with maek(config_for([dead])) as router:
        _, first = await router.post("/chat", {"message": "안녕"})
        status, answer = await router.post("/chat", {"message": "양자역학 설명해줘", "session": first["session"]})
        history = await router.house.parts.sessions.history(first["session"], "anonymous")
    assert (status, answer["error"]["code"]) == (503, "no_backend")
    assert len(history) == 2


async def test_a_role_in_the_body_skips_the_decision() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        _, answer = await router.post("/chat", {"message": "안녕", "role": "classifier"})
        status, refused = await router.post("/chat", {"message": "안녕", "role": "poet"})
    assert (answer["decision"], answer["model"]) == (None, "sim-small-1b")
    assert (status, refused["error"]["code"]) == (404, "unknown_model")


async def test_a_role_that_a_stranger_made_up_is_not_kept_in_the_log_of_decisions() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        await router.post("/chat", {"message": "안녕", "role": "c4n4ry"})
        _, listed = await router.get("/decisions")
    assert [(record["asked_for"], record["error"]) for record in listed["decisions"]] == [("unknown", "unknown_model")]
    assert "c4n4ry" not in str(listed)


async def test_decide_tells_what_would_be_done_and_does_nothing() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        status, answer = await router.post("/decide", {"message": "내일 3시 회의"})
        started = router.house.snapshot().backends["sim0"].work.started
    assert status == 200
    assert (answer["action"], answer["tool"], answer["operation"]) == ("tools", "calendar", "create_draft")
    assert answer["params"]["time"] == "15:00"
    assert started == 0


async def test_a_message_that_rules_leave_open_goes_to_the_classifier() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        _, answer = await router.post("/decide", {"message": "I wonder whether my cat could learn chess"})
    assert answer["source"] == "llm"
    assert answer["fallbacks"] == ["rule: unsure", "model: unsure"]


@pytest.mark.parametrize("fault", ["error_500", "garbage", "stall"])
async def test_a_classifier_in_trouble_never_fails_a_chat(fault: str) -> None:
    roles = {"classifier": {"timeout_seconds": 0.3}}
    async with maek_with_simulators(SIM, SIM, roles=roles) as (router, urls):
        # sim0 is taken out of the reasoner's pool, and its classifier breaks.
        spec = [
            {"name": "sick", "url": urls[0], "models": {"classifier": "sim-small-1b"}},
            {"name": "well", "url": urls[1], "models": {"reasoner": "sim-large-32b"}},
        ]
        router.house.adopt(config_for(spec, roles=roles))
        await until(lambda: all(s.models for s in router.house.snapshot().backends.values()))
        await set_faults(router.client, urls[0], {fault: {}})
        status, answer = await router.post("/chat", {"message": "I wonder whether my cat could learn chess"})
    assert status == 200
    assert (answer["action"], answer["decision"]["source"], answer["backend"]) == ("route", "default", "well")
    assert answer["decision"]["fallbacks"][-1].startswith("llm: ")


async def test_a_client_that_hangs_up_stops_the_backend_and_says_nothing_about_it() -> None:
    slow = SimSettings(preset="demo")
    async with maek_with_simulators(slow) as (router, urls):
        body = {"message": "양자역학 설명해줘 [[tokens=5000]]", "stream": True, "role": "reasoner"}
        async with router.client.post(router.url + "/chat", json=body) as response:
            await response.content.readany()
            assert router.in_flight() == 1
            response.close()
        await until(lambda: router.in_flight() == 0)
        work = router.house.snapshot().backends["sim0"].work
        state = await sim_state(router.client, urls[0])
    assert {str(outcome): n for outcome, n in work.finished.items()} == {"client_gone": 1}
    assert state["running"] == 0


async def test_a_backend_that_breaks_off_ends_the_stream_with_an_error_event_and_no_done() -> None:
    async with maek_with_simulators(SIM) as (router, urls):
        await set_faults(router.client, urls[0], {"cut": {"after_tokens": 3}})
        events = await router.events("/chat", {"message": "양자역학 설명해줘", "stream": True})
    assert events[-1].name == "error"
    assert orjson.loads(events[-1].data)["error"]["code"] == "backend_truncated"
    assert "done" not in [event.name for event in events]


async def test_the_simulator_stands_in_when_there_is_no_server_and_every_answer_says_so() -> None:
    async with maek(config_for()) as router:
        _, answer = await router.post("/chat", {"message": "양자역학 설명해줘"})
        _, backends = await router.get("/backends")
    assert answer["simulated"] is True
    assert answer["text"].startswith("(시뮬레이터)")
    assert [backend["simulated"] for backend in backends["backends"]] == [True]
