"""What every gateway does, whatever the service."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simulator import SimSettings
from simulator.faults import Cut
from simulator.settings import Engine
from tests.examples.bots import bot
from tests.examples.discord_api import discord
from tests.examples.slack_api import slack
from tests.examples.synology_chat import synology
from tests.examples.telegram_api import telegram
from tests.examples.worlds import MOST_CHARACTERS, SLOWLY, world
from tests.fakes.processes import maek_serve
from tests.fakes.waiting import until
from tests.real.servers import free_port

SERVICES = {"slack": slack, "telegram": telegram, "discord": discord, "synology": synology}
every_gateway = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
every_editing_gateway = pytest.mark.parametrize(
    "service", [slack, telegram, discord], ids=["slack", "telegram", "discord"]
)
LONGER_SECONDS = 20.0


@pytest.fixture(autouse=True)
def _data_in_the_configured_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAEK_DATA_DIR", raising=False)


def whole(text: str) -> bool:
    """Whether this is an answer of the simulator from its beginning to its end."""
    return "시뮬레이터" in text and "흘러나옵니다" in text


@every_editing_gateway
async def test_an_answer_is_seen_to_grow_in_one_message(service: Any, tmp_path: Path) -> None:
    async with world(service, tmp_path, SLOWLY) as chat:
        await chat.service.say("양자역학 설명해줘")
        await until(lambda: chat.screen.messages and whole(chat.screen.now[0]), LONGER_SECONDS)
    (message,) = chat.screen.messages
    assert len(message.texts) >= 3
    assert all(later.startswith(earlier) for earlier, later in pairwise(message.texts))


@every_gateway
async def test_a_long_answer_comes_in_messages_that_are_short_enough(service: Any, tmp_path: Path) -> None:
    async with world(service, tmp_path) as chat:
        await chat.service.say("양자역학 설명해줘 [[tokens=2500]]")
        await until(lambda: sum(map(len, chat.screen.now)) > 4500, LONGER_SECONDS)
        await until(lambda: "되풀이됩니다" in chat.screen.now[-1], LONGER_SECONDS)
    assert len(chat.screen.messages) >= 2
    assert "".join(re.sub(r"\s", "", text) for text in chat.screen.now).startswith("(시뮬레이터)모델없이")


@every_gateway
async def test_what_takes_a_while_is_announced_first(service: Any, tmp_path: Path) -> None:
    async with world(service, tmp_path, SimSettings(engine=Engine.OLLAMA, cold_start_seconds=2.5)) as chat:
        await chat.service.say("양자역학 설명해줘")
        await until(lambda: any(whole(text) for text in chat.screen.now), LONGER_SECONDS)
    seen = [text for message in chat.screen.messages for text in message.texts]
    assert any("모델을 불러오는 중입니다" in text for text in seen)


@every_gateway
async def test_an_entry_is_drafted_and_saved_after_a_yes(service: Any, tmp_path: Path) -> None:
    async with world(service, tmp_path) as chat:
        await chat.service.say("내일 3시 회의 잡아줘")
        await until(lambda: any("등록할까요?" in text for text in chat.screen.now), LONGER_SECONDS)
        assert not (tmp_path / "data" / "calendar").exists()
        await chat.service.say("네")
        await until(lambda: any("등록했어요" in text for text in chat.screen.now), LONGER_SECONDS)
    assert len(list((tmp_path / "data" / "calendar").glob("*.ics"))) == 1


@every_gateway
async def test_a_question_back_is_asked_as_it_is(service: Any, tmp_path: Path) -> None:
    async with world(service, tmp_path) as chat:
        await chat.service.say("회의 잡아줘")
        await until(lambda: any("어느 날짜에" in text for text in chat.screen.now), LONGER_SECONDS)
        await chat.service.say("내일 3시")
        await until(lambda: any("등록할까요?" in text for text in chat.screen.now), LONGER_SECONDS)


@every_gateway
async def test_a_stranger_gets_no_answer_and_the_log_names_him(service: Any, tmp_path: Path) -> None:
    async with world(service, tmp_path) as chat:
        stranger = 8 if chat.service.name == "telegram" else "U8"
        await chat.service.say("안녕", user=stranger)
        await until(lambda: f"user {stranger}" in chat.bot.log())
        await chat.service.say("안녕")
        await until(lambda: chat.screen.messages, LONGER_SECONDS)
    assert len(chat.screen.messages) == 1


@every_gateway
async def test_when_nobody_is_named_nobody_is_answered(service: Any, tmp_path: Path) -> None:
    async with service() as chat:
        environ = {name: value for name, value in chat.environ.items() if not name.endswith("_ALLOWED")}
        async with bot(chat.name, tmp_path, environ) as running:
            await chat.say("안녕")
            await until(lambda: "_ALLOWED: user" in running.log())
    assert chat.screen.messages == []


@every_gateway
async def test_a_refusal_for_its_pace_is_obeyed_and_nothing_is_lost(service: Any, tmp_path: Path) -> None:
    async with world(service, tmp_path) as chat:
        chat.screen.refusals = 1
        await chat.service.say("양자역학 설명해줘")
        await until(lambda: any(whole(text) for text in chat.screen.now), LONGER_SECONDS)
    assert chat.screen.refused == 1
    assert len(chat.screen.messages) == 1


@every_gateway
async def test_an_error_of_maek_is_told_as_its_sentence(service: Any, tmp_path: Path) -> None:
    async with world(service, tmp_path) as chat:
        await chat.service.say("가" * (MOST_CHARACTERS + 1))
        await until(lambda: any("message: longer than" in text for text in chat.screen.now), LONGER_SECONDS)


@every_gateway
async def test_an_answer_that_breaks_off_is_told_to_be_none(service: Any, tmp_path: Path) -> None:
    async with world(service, tmp_path, replace(SLOWLY, faults=(Cut(after_tokens=20),))) as chat:
        await chat.service.say("양자역학 설명해줘")
        await until(lambda: any("The backend failed" in text for text in chat.screen.now), LONGER_SECONDS)
    assert "시뮬레이터" in chat.screen.now[0]
    assert not whole(chat.screen.now[0])


@every_gateway
async def test_while_maek_is_away_people_are_told_and_when_it_is_back_they_are_answered(
    service: Any, tmp_path: Path
) -> None:
    port = free_port()
    config = tmp_path / "config.yaml"
    config.write_text(f"sidecar: {{discover: false}}\nrouter: {{listen: '127.0.0.1:{port}'}}\n")
    async with service() as chat:
        environ = {**chat.environ, "MAEK_URL": f"http://127.0.0.1:{port}"}
        async with bot(chat.name, tmp_path, environ):
            await chat.say("안녕")
            await until(lambda: any("지금은 답할 수 없어요" in text for text in chat.screen.now), LONGER_SECONDS)
            async with maek_serve(tmp_path, ["-c", str(config)]):
                await chat.say("양자역학 설명해줘")
                await until(lambda: any(whole(text) for text in chat.screen.now), LONGER_SECONDS)
        assert chat.screen.faults == []
