"""What the tests of deciding share: a fixed now, the seed's names, a draft."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from router.decide.decision import Decision, Persona, SessionFacts
from router.decide.request import Domain, Request, Rules
from router.decide.rules import decide_by_rules
from router.tools.hosts.host import Host
from router.tools.infra import InfraSettings
from router.tools.registry import ToolSettings, build
from router.tools.spec import PendingDraft

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=ZoneInfo("Asia/Seoul"))
"""A Wednesday; its week runs from 23 to 29 November."""
TOOLS = build(ToolSettings(InfraSettings({"gpu": Host(("mlx",)), "macmini": Host(), "nas-company": Host()})))
PERSONA = Persona("이드", "다정하고 담백하게 말합니다.", "Friendly and plain.")
RULES = Rules(
    tools=TOOLS,
    persona=PERSONA,
    domains=(
        Domain("safety", ("산업안전보건법", "산업안전", "위험성평가", "법령", "안전")),
        Domain("asme", ("ASME", "KEPIC")),
    ),
    hosts={"gpu": (), "macmini": ("맥미니",), "nas-company": ("나스",)},
    services={"document-server": (), "mlx": (), "ollama-gpu": ()},
)
DRAFT = PendingDraft(
    "calendar",
    "create_draft",
    {"title": "회의", "date": "2026-11-26", "time": "15:00"},
    "11월 26일 15시 회의",
    (NOW + timedelta(minutes=10)).timestamp(),
)


def facts(language: str = "ko", draft: PendingDraft | None = None) -> SessionFacts:
    """The facts of a session at NOW."""
    return SessionFacts(NOW, language, draft)


def decided(
    message: str, draft: PendingDraft | None = None, rules: Rules = RULES, language: str = "ko"
) -> Decision | None:
    """What the rules say at NOW."""
    return decide_by_rules(Request(message, facts(language, draft), rules))


class Scripted:
    """Stands at AskModel: gives the answers in order, raises those that are exceptions, and keeps what it was
    asked.
    """

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[list[Mapping[str, str]]] = []
        self.schemas: list[Mapping[str, Any] | None] = []

    async def __call__(self, messages: Sequence[Mapping[str, str]], *, schema: Mapping[str, Any] | None) -> str:
        self.asked.append(list(messages))
        self.schemas.append(schema)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
