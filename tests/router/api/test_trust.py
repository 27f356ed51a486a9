"""A stage that is only watched, and messages that are kept for learning, in a whole Maek."""

from pathlib import Path

import orjson
import pytest

from router.decide.intent.model import packaged_model
from router.learning.keeping import Keeping
from simulator import SimSettings
from tests.fakes.routers import Maek, maek_with_simulators

SIM = SimSettings(preset="instant")


async def agreements(router: Maek) -> list[str]:
    async with router.client.get(router.url + "/metrics") as response:
        lines = (await response.text()).splitlines()
    return [line for line in lines if line.startswith("maek_decide_agreement_total{")]


async def test_a_stage_in_shadow_decides_nothing_and_its_agreement_with_the_classifier_is_counted() -> None:
    async with maek_with_simulators(SIM, decide={"rules": "shadow", "model": "off"}) as (router, _):
        _, answer = await router.post("/decide", {"message": "오늘 일정"})
        counted = await agreements(router)
        _, record = await router.get(f"/decisions/{answer['id']}")
    assert answer["source"] == "llm"
    assert answer["fallbacks"] == ["rule: shadow", "model: off"]
    (silent,) = answer["silent"]
    agrees = (answer["tool"], answer["operation"]) == ("calendar", "today")
    assert (silent["tool"], silent["operation"], silent["agrees"]) == ("calendar", "today", agrees)
    told = f'maek_decide_agreement_total{{agrees="{"yes" if agrees else "no"}",source="rule"}} 1.0'
    assert [line for line in counted if not line.endswith(" 0.0")] == [told]
    assert record["decision"]["silent"] == answer["silent"]


async def test_a_message_is_kept_only_where_the_operator_wants_it(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM, data_dir=str(tmp_path)) as (router, _):
        await router.post("/decide", {"message": "c4n4ry"})
    assert not (tmp_path / "learning").exists()
    async with maek_with_simulators(SIM, data_dir=str(tmp_path), decide={"keep_messages": True}) as (router, _):
        _, answer = await router.post("/chat", {"message": "오늘 일정"})
    (row,) = Keeping(tmp_path).waiting()
    assert (row["text"], row["tool"], row["operation"], row["id"]) == ("오늘 일정", "calendar", "today", answer["id"])


async def test_an_answer_to_a_question_is_not_kept_for_its_words_alone_say_nothing(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM, data_dir=str(tmp_path), decide={"keep_messages": True}) as (router, _):
        _, asked = await router.post("/chat", {"message": "회의 잡아줘"})
        await router.post("/chat", {"message": "내일 3시", "session": asked["session"]})
    assert [row["text"] for row in Keeping(tmp_path).waiting()] == ["회의 잡아줘"]


async def test_a_folder_that_cannot_be_written_fails_no_chat(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "learning").write_text("a file where the folder should be")
    async with maek_with_simulators(SIM, data_dir=str(tmp_path), decide={"keep_messages": True}) as (router, _):
        status, answer = await router.post("/chat", {"message": "안녕"})
    assert (status, answer["action"]) == (200, "direct")
    assert "message not kept" in caplog.text


async def test_what_was_learned_is_in_the_version_of_the_model(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM, data_dir=str(tmp_path)) as (router, _):
        _, before = await router.post("/decide", {"message": "오늘 일정"})
        base = before["versions"]["model"]
        learned = {
            "weights": {},
            "biases": [0.0] * len(packaged_model().labels),
            "version": "mine",
            "base_version": base,
        }
        (tmp_path / "learning").mkdir()
        (tmp_path / "learning" / "overlay.json").write_bytes(
            orjson.dumps({**learned, "lessons": 50, "learned_at": "2026-11-28"})
        )
        router.house.adopt(router.house.current.service.config)
        _, after = await router.post("/decide", {"message": "오늘 일정"})
    assert after["versions"]["model"] == f"{base}+mine"
