"""Turns: what a conversation keeps and what it forgets."""

from router.tools.spec import PendingDraft
from simulator import SimSettings
from tests.fakes.routers import maek_with_simulators

DRAFT = PendingDraft("calendar", "create_draft", {"title": "회의"}, "회의를 내일 3시에 넣을까요?", expires_at=4e9)


async def test_a_no_forgets_the_draft_and_a_question_keeps_it() -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        sessions = router.house.parts.sessions
        session = (await sessions.open("s", "anonymous")).id
        await sessions.put_pending(session, "anonymous", DRAFT)
        await router.post("/chat", {"message": "양자역학 설명해줘", "session": session})
        kept = await sessions.pending(session, "anonymous")
        _, answer = await router.post("/chat", {"message": "아니", "session": session})
        gone = await sessions.pending(session, "anonymous")
    assert kept == DRAFT
    assert answer["action"] == "direct"
    assert gone is None


async def test_a_tool_that_is_not_there_answers_with_a_plain_sentence_and_no_error() -> None:
    async with maek_with_simulators(SimSettings(), tools={"calendar": {"kind": "none"}}) as (router, _):
        status, answer = await router.post("/chat", {"message": "오늘 일정"})
        async with router.client.get(router.url + "/metrics") as response:
            metrics = await response.text()
    assert status == 200
    assert answer["data"] == {"failed": True}
    assert answer["text"].endswith(".")
    assert 'maek_tool_calls_total{operation="today",outcome="failed",tool="calendar"} 1.0' in metrics


async def test_the_history_and_the_persona_go_to_the_reasoner() -> None:
    async with maek_with_simulators(SimSettings()) as (router, _):
        turns = router.house.current.service.turns
        korean, english = turns.system_prompt("ko"), turns.system_prompt("en")
    today = f"{router.house.current.service.now():%Y-%m-%d}"
    assert "이드" in korean
    assert today in korean
    assert "이드" in english
    assert today in english
