"""Ask-backs over turns and small talk that a model says: `/chat` and `/v1` over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import openai
import orjson
import pytest

from router.decide.decision import Action, Decision, Source
from router.decide.prompt import ANSWER_TOKENS
from router.tokens import estimate_message_tokens
from router.turn import Turns
from simulator import SimSettings
from tests.fakes.routers import Maek, config_for, maek, maek_with_simulators
from tests.fakes.upstreams import (
    DONE,
    LAST_CHUNK,
    OK_STREAM,
    ROLE,
    STOP,
    Heard,
    Script,
    Upstream,
    answer,
    chunked,
    saying,
    streaming,
    token,
    upstream,
    watched,
)

UNSAID = Decision(Action.DIRECT, Source.MODEL, "small_talk")
BOTH = ["/chat", "/v1/chat/completions"]


def with_small_talk(router: Maek) -> None:
    """Have every message decided as small talk that nobody has words for, as the embedded model does."""

    async def decide(*_: Any) -> Decision:
        return UNSAID

    service, parts = router.house.current.service, router.house.parts
    turns = Turns(
        service.config,
        service.fleet,
        service.dispatcher,
        parts.sessions,
        service.tools,
        decide,
        service.now,
        service.telemetry,
        service.talks,
    )
    router.house.current.service = replace(service, turns=turns)


@asynccontextmanager
async def chatting(script: Script) -> AsyncIterator[tuple[Maek, Upstream]]:
    """A router whose classifier's backend follows a script when it is asked to chat."""
    async with upstream(watched(script)) as server:
        small = {"name": "small", "url": server.url, "models": {"classifier": "m"}}
        roles = {"classifier": {"queue": {"most_wait_seconds": 1}}}
        async with maek(config_for([small], roles=roles)) as router:
            with_small_talk(router)
            yield router, server


async def said(router: Maek, path: str, message: str, *, stream: bool) -> tuple[int, str, list[str]]:
    """Status, the whole text, and its pieces."""
    if path == "/chat":
        if not stream:
            status, told = await router.post(path, {"message": message})
            return status, told.get("text", ""), []
        events = await router.events(path, {"message": message, "stream": True})
        pieces = [orjson.loads(event.data)["text"] for event in events if event.name == "token"]
        assert orjson.loads(events[-1].data).get("text") == "".join(pieces)
        return 200, "".join(pieces), pieces
    body = {"model": "auto", "messages": [{"role": "user", "content": message}], "stream": stream}
    if not stream:
        status, told = await router.post(path, body)
        return status, told["choices"][0]["message"]["content"] if status == 200 else "", []
    events = await router.events(path, body)
    assert events[-1].data == "[DONE]"
    deltas = [orjson.loads(event.data)["choices"][0]["delta"] for event in events[:-1]]
    pieces = [delta["content"] for delta in deltas if "content" in delta]
    assert ["role" in delta for delta in deltas[: len(pieces)]] == [True] + [False] * (len(pieces) - 1)
    return 200, "".join(pieces), pieces


class TestAskingBack:
    """A question, and the turns that answer it."""

    async def test_a_meeting_is_made_turn_by_turn(self) -> None:
        async with maek_with_simulators(SimSettings()) as (router, _):
            _, first = await router.post("/chat", {"message": "회의 잡아줘"})
            session = first["session"]
            _, second = await router.post("/chat", {"message": "2번", "session": session})
            _, third = await router.post("/chat", {"message": "3시", "session": session})
            left = await router.house.parts.sessions.question(session, "anonymous")
        assert [turn["action"] for turn in (first, second, third)] == ["clarify", "clarify", "tools"]
        assert [turn["decision"]["missing"] for turn in (first, second, third)] == ["date", "time", None]
        assert first["decision"]["choices"] == ["오늘", "내일", "모레"]
        assert third["decision"]["choices"] == []
        assert (third["decision"]["params"]["title"], third["decision"]["params"]["time"]) == ("회의", "15:00")
        assert left is None

    async def test_a_stream_shows_the_choices_with_the_decision(self) -> None:
        async with maek_with_simulators(SimSettings()) as (router, _):
            events = await router.events("/chat", {"message": "set up a meeting", "stream": True})
        decision = orjson.loads(events[0].data)["decision"]
        assert (decision["missing"], decision["choices"][1]) == ("date", "tomorrow")

    @pytest.mark.parametrize(("between", "reason"), [("취소", "question_dropped"), ("안녕", "greeting")])
    async def test_a_question_that_was_dropped_or_passed_over_is_over(self, between: str, reason: str) -> None:
        async with maek_with_simulators(SimSettings()) as (router, _):
            _, first = await router.post("/chat", {"message": "회의 잡아줘"})
            _, second = await router.post("/chat", {"message": between, "session": first["session"]})
            left = await router.house.parts.sessions.question(first["session"], "anonymous")
        assert second["decision"]["reason"] == reason
        assert left is None

    async def test_another_session_knows_nothing_of_the_question(self) -> None:
        async with maek_with_simulators(SimSettings()) as (router, _):
            await router.post("/chat", {"message": "회의 잡아줘", "session": "a"})
            _, answered = await router.post("/decide", {"message": "내일 3시", "session": "b"})
        assert answered["operation"] is None or answered["source"] != "rule"

    async def test_deciding_alone_neither_asks_nor_answers_nor_drops_anything(self) -> None:
        async with maek_with_simulators(SimSettings()) as (router, _):
            sessions = router.house.parts.sessions
            await router.post("/decide", {"message": "회의 잡아줘", "session": "s"})
            before = await sessions.question("s", "anonymous")
            await router.post("/chat", {"message": "회의 잡아줘", "session": "s"})
            for message in ("내일 3시", "취소"):
                await router.post("/decide", {"message": message, "session": "s"})
            after = await sessions.question("s", "anonymous")
        assert before is None
        assert after is not None

    async def test_a_turn_that_failed_leaves_the_question_as_it_was(self) -> None:
        dead = {"name": "dead", "url": "http://127.0.0.1:9", "models": {"reasoner": "m"}}
        async with maek(config_for([dead])) as router:
            await router.post("/chat", {"message": "회의 잡아줘", "session": "s"})
            status, _ = await router.post("/chat", {"message": "양자역학 설명해줘", "session": "s"})
            left = await router.house.parts.sessions.question("s", "anonymous")
        assert status == 503
        assert left is not None

    async def test_in_openai_s_dialect_the_choices_are_text_and_the_caller_s_history_is_enough(self) -> None:
        async with maek_with_simulators(SimSettings()) as (router, _):
            async with openai.AsyncOpenAI(base_url=router.url + "/v1", api_key="unused", max_retries=0) as client:
                messages: list[Any] = []
                for message in ("회의 잡아줘", "2번", "8시", "오후요"):
                    messages.append({"role": "user", "content": message})
                    told = await client.chat.completions.create(model="auto", messages=messages)
                    messages.append({"role": "assistant", "content": told.choices[0].message.content})
            _, listed = await router.get("/decisions?limit=4")
        assert messages[1]["content"].endswith("\n1. 오늘\n2. 내일\n3. 모레")
        decisions = [record["decision"] for record in reversed(listed["decisions"])]
        assert [decision["missing"] for decision in decisions] == ["date", "time", "half", None]
        assert decisions[-1]["operation"] == "create_draft"


class TestSmallTalk:
    """A direct answer for which nobody has the words yet."""

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("path", BOTH)
    async def test_the_classifier_s_backend_says_it_in_the_persona_s_name(self, path: str, stream: bool) -> None:
        script = streaming(
            ROLE, token("반가"), token("워요. "), token("잘 지냈"), token("죠?"), token(" 응"), STOP, DONE
        )
        async with chatting(script) as (router, server):
            status, text, pieces = await said(router, path, "심심해", stream=stream)
        asked = next(heard.json() for heard in server.heard if heard.head.startswith(b"post"))
        assert (status, text) == (200, "반가워요. 잘 지냈죠? 응")
        assert pieces in ([], ["반가워요.", " 잘 지냈죠?", " 응"])
        assert asked["messages"][0]["content"].startswith("당신은 이드예요.")
        assert (asked["messages"][-1]["content"], asked["stream"]) == ("심심해", True)

    @pytest.mark.parametrize(
        "script",
        [
            saying(answer("500 Internal Server Error")),
            saying(answer("400 Bad Request")),
            saying(answer("429 Too Many Requests")),
            streaming(ROLE, STOP, DONE),
            saying(OK_STREAM, chunked(ROLE, token("반")), LAST_CHUNK),
        ],
        ids=["500", "400", "429", "empty", "half a sentence"],
    )
    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("path", BOTH)
    async def test_when_nobody_can_say_it_maek_says_so_and_it_is_no_error(
        self, script: Script, path: str, stream: bool
    ) -> None:
        async with chatting(script) as (router, _):
            status, text, _ = await said(router, path, "심심해", stream=stream)
        assert status == 200
        assert text.startswith("저는 이드예요. 지금은 이야기를 나눌 모델이 자리를 비워서")
        assert "서버와 서비스" in text

    @pytest.mark.parametrize("path", BOTH)
    async def test_without_any_backend_it_is_said_by_nobody_s_model(self, path: str) -> None:
        dead = {"name": "dead", "url": "http://127.0.0.1:9", "models": {"classifier": "m"}}
        async with maek(config_for([dead])) as router:
            with_small_talk(router)
            status, text, _ = await said(router, path, "I am bored", stream=False)
            _, whole = await router.post("/chat", {"message": "I am bored"})
        assert (status, whole["backend"], whole["model"]) == (200, None, None)
        assert text == whole["text"]
        assert text.startswith("I'm 이드. The model that I chat with is away")

    async def test_greetings_always_work_and_what_needs_a_model_fails_clearly(self) -> None:
        dead = {"name": "dead", "url": "http://127.0.0.1:9", "models": {"reasoner": "m", "classifier": "m"}}
        async with maek(config_for([dead])) as router:
            greeted, hello = await router.post("/chat", {"message": "안녕"})
            failed, error = await router.post("/chat", {"message": "양자역학 설명해줘"})
        assert (greeted, hello["decision"]["source"]) == (200, "rule")
        assert (failed, error["error"]["code"]) == (503, "no_backend")

    @pytest.mark.parametrize("path", BOTH)
    async def test_a_claim_is_cut_off_before_the_user_reads_it(self, path: str) -> None:
        script = streaming(
            ROLE, token("좋아요! 회의를 캘"), token("린더에 등록했습니다. "), token("또 뵈어요."), STOP, DONE
        )
        async with chatting(script) as (router, _):
            _, text, _ = await said(router, path, "회의 있어 힘들다", stream=True)
        assert text == "좋아요! 지금 제가 실제로 한 일은 없어요. 무엇을 해 드릴지 한 번 더 말씀해 주세요."

    async def test_a_stream_that_breaks_off_after_its_first_sentence_ends_with_an_error(self) -> None:
        script = saying(OK_STREAM, chunked(ROLE, token("반가워요. "), token("그런데")), LAST_CHUNK)
        async with chatting(script) as (router, _):
            events = await router.events("/chat", {"message": "심심해", "stream": True})
            status, _ = await router.post("/chat", {"message": "심심해"})
        assert [event.name for event in events] == ["decision", "token", "error"]
        assert status == 502

    async def test_history_goes_along_and_no_mark_of_a_template_in_it(self) -> None:
        async with chatting(streaming(ROLE, token("네."), STOP, DONE)) as (router, server):
            for message in ("<|im_start|>나", "그래서?"):
                await router.post("/chat", {"message": message, "session": "s"})
        asked = server.heard[-1].json()["messages"]
        assert [turn["content"] for turn in asked[1:]] == ["‹¦im_start¦›나", "네.", "그래서?"]


async def test_a_bare_number_is_answered_in_the_language_of_the_question() -> None:
    async with maek_with_simulators(SimSettings(preset="instant")) as (router, _):
        _, asked = await router.post("/chat", {"message": "set up a meeting"})
        _, again = await router.post("/chat", {"message": "2", "session": asked["session"]})
        _, korean = await router.post("/chat", {"message": "회의 잡아줘"})
        _, in_korean = await router.post("/chat", {"message": "2", "session": korean["session"]})
    assert again["text"].startswith("At what time on")
    assert in_korean["text"].endswith("몇 시에 넣을까요? 시간을 알려 주세요.")


@pytest.mark.parametrize("path", BOTH)
async def test_small_talk_in_a_conversation_is_left_to_who_reads_it(path: str) -> None:
    async with maek_with_simulators(SimSettings(preset="instant")) as (router, _):
        _, alone = await router.post("/decide", {"message": "너무 길어"})
        if path == "/chat":
            _, first = await router.post(path, {"message": "양자역학 설명해줘"})
            _, then = await router.post(path, {"message": "너무 길어", "session": first["session"]})
            source = then["decision"]["source"]
        else:
            said = [("user", "양자역학 설명해줘"), ("assistant", "음 …"), ("user", "너무 길어")]
            body = {"model": "auto", "messages": [{"role": role, "content": text} for role, text in said]}
            async with router.client.post(router.url + path, json=body) as response:
                record = response.headers["x-maek-decision"]
            _, told = await router.get(f"/decisions/{record}")
            source = told["decision"]["source"]
    assert (alone["source"], source) == ("model", "llm")


@asynccontextmanager
async def deciding(told_tokens: int | None = None, **decide: Any) -> AsyncIterator[tuple[Maek, Upstream]]:
    """A router whose classifier routes everything, at a server that tells so large a context."""
    listed = {"id": "m", "object": "model"} | ({"max_model_len": told_tokens} if told_tokens else {})
    models = answer("200 OK", orjson.dumps({"object": "list", "data": [listed]}))
    said_route = {"message": {"role": "assistant", "content": '{"action": "route"}'}, "finish_reason": "stop"}
    routed = answer("200 OK", orjson.dumps({"choices": [{"index": 0, **said_route}]}))

    async def script(heard: Heard) -> None:
        await heard.send(models if heard.head.startswith(b"get ") else routed)

    async with upstream(script) as server:
        config = config_for([{"name": "small", "url": server.url, "models": {"classifier": "m"}}], decide=decide)
        async with maek(config) as router:
            yield router, server


def asked_of(server: Upstream) -> list[Any]:
    """What it was asked to decide."""
    return [heard.json() for heard in server.heard if heard.head.startswith(b"post ")]


class TestClassifier:
    """What reaches the classifier's server, and what does not."""

    async def test_the_same_question_is_asked_once_and_the_log_says_so(self) -> None:
        body = {"message": "I wonder whether my cat could learn chess"}
        async with deciding() as (router, server):
            first, second = await asyncio.gather(router.post("/decide", body), router.post("/decide", body))
            _, third = await router.post("/decide", body)
            _, listed = await router.get("/decisions?limit=1")
        # Over the turn of a minute it is another question.
        assert 1 <= len(asked_of(server)) <= 2
        reasons = {answer["reason"] for _, answer in (first, second)} | {third["reason"]}
        assert reasons - {"classifier"} <= {"classifier_shared", "classifier_remembered"}
        assert listed["decisions"][0]["decision"]["reason"] == third["reason"]

    @pytest.mark.parametrize(("told", "configured"), [(2048, 4096), (None, 2048)])
    async def test_a_long_message_is_cut_to_what_the_server_takes_or_else_the_operator_says(
        self, told: int | None, configured: int
    ) -> None:
        body = {"message": "begin " + "word " * 2000 + "end"}
        async with deciding(told, context_tokens=configured) as (router, server):
            await router.post("/decide", body)
        (asked,) = asked_of(server)
        assert sum(estimate_message_tokens(turn["content"]) for turn in asked["messages"]) <= 2048 - ANSWER_TOKENS
        said = asked["messages"][-1]["content"]
        assert said.startswith("<message>\nbegin ")
        assert said.endswith(" end\n</message>")
        assert "characters left out" in said
