"""Questions about documents over real sockets, with no server for them: a folder is enough."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson

from simulator import SimSettings
from tests.fakes.routers import config_for, maek, maek_with_simulators
from tests.router.documents.given import LAW

QUESTION = "산업안전보건법 제6장 내용이 뭐야"


def folder(tmp_path: Path) -> Path:
    """A folder with a law in it."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "산업안전보건법.md").write_text(LAW)
    return docs


async def until(asked: Callable[[], Awaitable[str]], said: str) -> str:
    """The first answer that says so; the test's own deadline ends the waiting."""
    while said not in (answer := await asked()):
        pass
    return answer


async def test_a_question_is_answered_with_the_passage_and_its_source(tmp_path: Path) -> None:
    settings = {"data_dir": str(tmp_path / "data"), "tools": {"document": {"folder": str(folder(tmp_path))}}}
    async with maek_with_simulators(SimSettings(), **settings) as (router, _):

        async def asked() -> str:
            _, answer = await router.post("/chat", {"message": QUESTION})
            return str(answer["text"])

        text = await until(asked, "출처")
        assert "> 제104조(유해인자의 분류기준) 고용노동부장관은 화학물질의 유해성·위험성 분류기준" in text
        assert "[1] 산업안전보건법 (산업안전보건법.md, 문서 번호" in text
        events = await router.events("/chat", {"message": QUESTION, "stream": True})
        assert [event.name for event in events][:3] == ["decision", "notice", "tool"]
        assert orjson.loads(events[1].data)["notice"] == "서고를 확인하는 중입니다"
        assert orjson.loads(events[2].data)["data"]["passages"][0]["path"] == "산업안전보건법.md"


async def test_a_folder_named_while_maek_runs_is_taken_up(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    async with maek(config_for([], data_dir=data)) as router:
        asked = {"message": QUESTION}
        assert "router.tools.document.folder" in (await router.post("/chat", asked))[1]["text"]
        tools = {"document": {"folder": str(folder(tmp_path))}}
        router.house.adopt(config_for([], data_dir=data, tools=tools))

        async def answered() -> str:
            return str((await router.post("/chat", asked))[1]["text"])

        assert "제104조" in await until(answered, "출처")
