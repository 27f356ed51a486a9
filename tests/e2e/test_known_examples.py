"""The known examples come out as promised with the shipped configuration, whichever stage decides."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.config_load import load
from simulator import SimSettings, serving
from tests.fakes.processes import maek_command
from tests.fakes.routers import Maek, config_for, maek

SHIPPED = Path("config.yaml")

EXAMPLES: list[tuple[str, str, str | None, str | None, dict[str, Any] | None]] = [
    ("안녕", "direct", None, None, None),
    ("양자역학 설명해줘", "route", None, None, None),
    ("오늘 일정", "tools", "calendar", "today", {}),
    ("이번주 일정", "tools", "calendar", "search", None),
    ("내일 3시 회의", "tools", "calendar", "create_draft", None),
    ("최근 메일", "tools", "email", "search", {"query": "", "days": 7}),
    ("문서 찾아줘", "tools", "document", "search_full", None),
    ("산업안전보건법 제6장 내용이 뭐야", "tools", "document", "ask", None),
    ("ASME Section VIII 관련 자료", "tools", "document", "search_full", None),
    ("위험성평가 절차 알려줘", "tools", "document", "ask", None),
    ("GPU 서버 상태", "tools", "infra", "status", {"host": "gpu"}),
    ("서비스 살아있어?", "tools", "infra", "health", {}),
    ("디스크 용량", "tools", "infra", "disk", {}),
    ("네트워크 상태", "tools", "infra", "network", {}),
    ("모델 뭐 있어?", "tools", "infra", "models", {"host": "gpu"}),
    ("메일 보내줘", "direct", None, None, None),
]


STAGES = {
    "all": {},
    "rules": {"model": "off"},
    "model": {"rules": "off"},
    "classifier": {"rules": "off", "model": "off"},
}


@pytest.fixture(params=list(STAGES))
async def router(request: pytest.FixtureRequest) -> AsyncIterator[Maek]:
    """A router with all its stages, and some with fewer before the (simulated) classifier."""
    shipped = load(SHIPPED, listen="127.0.0.1:0").router
    async with serving(SimSettings()) as url:
        spec = [{"name": "sim", "url": url, "models": {"classifier": "sim-small-1b", "reasoner": "sim-large-32b"}}]
        tools = shipped.tools.model_dump(mode="json")
        async with maek(config_for(spec, decide=STAGES[request.param], tools=tools)) as running:
            yield running


@pytest.mark.parametrize(("message", "action", "tool", "operation", "params"), EXAMPLES, ids=range(len(EXAMPLES)))
async def test_a_known_example_comes_out_as_promised(
    router: Maek, message: str, action: str, tool: str | None, operation: str | None, params: dict[str, Any] | None
) -> None:
    status, answer = await router.post("/decide", {"message": message})
    assert status == 200
    assert (answer["action"], answer["tool"], answer["operation"]) == (action, tool, operation)
    assert answer["source"] in {"rule", "model", "llm"}
    assert params is None or answer["params"] == params


async def test_this_week_is_monday_to_sunday_and_a_meeting_is_tomorrow_at_three(router: Maek) -> None:
    today = router.house.current.service.now().date()
    monday = today - timedelta(days=today.weekday())
    _, week = await router.post("/decide", {"message": "이번주 일정"})
    _, meeting = await router.post("/decide", {"message": "내일 3시 회의"})
    assert week["params"] == {"date_from": str(monday), "date_to": str(monday + timedelta(days=6))}
    assert meeting["params"]["date"] == str(today + timedelta(days=1))
    assert meeting["params"]["time"] == "15:00"
    assert meeting["params"]["title"] == "회의"


async def test_the_command_decides_them_without_any_llm() -> None:
    rows = b"".join(orjson.dumps({"id": i, "text": e[0]}) + b"\n" for i, e in enumerate(EXAMPLES))
    exit_code, out, _ = await maek_command("decide", "-c", str(SHIPPED), "-", "--no-llm", stdin=rows)
    answers = [orjson.loads(line) for line in out.splitlines()]
    assert exit_code == 0
    assert [(a["action"], a.get("tool"), a.get("operation")) for a in answers] == [e[1:4] for e in EXAMPLES]
