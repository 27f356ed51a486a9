"""What a turn tells while it runs: its events, and the words for those that a user reads.

Rules of this file
- Values. Whoever answers in a dialect of HTTP gives them a shape there.
- Words for the user exist in Korean and English.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from router.asking import TokenReader
from router.decide.decision import Decision
from router.decisions import Record, ToolStep
from router.journey import Journey
from router.language import pick
from router.resuming import Resumption
from router.tools.spec import Operation, PendingDraft


@dataclass(frozen=True, slots=True)
class Decided:
    """What will be done. `decision` is None where the caller named the role."""

    record: Record
    session: str
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell the user while it takes a while."""

    text: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nobody has room yet."""

    text: str
    """For the user."""
    position: int
    """In the line, from 1."""
    expected_seconds: float
    """Until its turn comes, roughly."""


@dataclass(frozen=True, slots=True)
class Loading:
    """The model is being loaded that will answer."""

    text: str
    """For the user."""
    expected_seconds: float
    """Until it is there, roughly; 0: any moment."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Another backend goes on with the answer, from here."""

    text: str
    """For the user."""
    resumption: Resumption


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The model that answers has called a tool."""

    text: str
    """For the user."""
    tool: str
    operation: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """A tool has answered."""

    tool: str
    operation: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drafted:
    """Something waits for the user's yes now."""

    draft: PendingDraft


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing has come for a while; the connection should be kept."""


@dataclass(frozen=True, slots=True)
class Done:
    """The turn has ended well."""

    text: str
    journey: Journey
    """Where the text came from; empty where no model was asked for it."""
    usage: Mapping[str, Any] | None
    finish_reason: str
    steps: tuple[ToolStep, ...] = ()
    """The tools that were used."""


Event = Decided | Notice | Waiting | Loading | Resumed | ToolStarted | ToolUsed | Drafted | Token | Quiet | Done
Emit = Callable[[Event], Awaitable[None]]


def reading(emit: Emit, language: str) -> TokenReader:
    """Reads an answer, and emits it and all that happens before and within it."""

    async def tell(text: str) -> None:
        await emit(Token(text))

    async def quiet() -> None:
        await emit(Quiet())

    async def waiting(position: int, expected_seconds: float) -> None:
        await emit(waiting_for_room(language, position, expected_seconds))

    async def loading(expected_seconds: float) -> None:
        await emit(loading_model(language, expected_seconds))

    return TokenReader(tell, quiet, waiting, loading)


def waiting_for_room(language: str, position: int, expected_seconds: float) -> Waiting:
    """The event, with its words."""
    text = pick(
        language,
        ko=f"빈자리를 기다리는 중입니다. {position}번째 순서이고, {expected_seconds:.0f}초쯤 걸립니다.",
        en=f"Waiting for a free place: number {position} in line, about {expected_seconds:.0f} s.",
    )
    return Waiting(text, position, expected_seconds)


def loading_model(language: str, expected_seconds: float) -> Loading:
    """The event, with its words. Seconds are told as they are said."""
    seconds = f"{expected_seconds:.0f}"
    if seconds == "0":
        text = pick(language, ko="모델을 불러오는 중입니다 (곧 끝납니다).", en="Loading the model (any moment now).")
    else:
        text = pick(
            language, ko=f"모델을 불러오는 중입니다 (약 {seconds}초).", en=f"Loading the model (about {seconds} s)."
        )
    return Loading(text, float(seconds))


def resumed_by(language: str, resumption: Resumption) -> Resumed:
    """The event, with its words."""
    text = pick(
        language,
        ko=f"답변이 중간에 끊겨서 {resumption.backend} 서버가 이어서 씁니다.",
        en=f"The answer broke off; {resumption.backend} goes on with it.",
    )
    return Resumed(text, resumption)


def using_tool(language: str, tool: str, operation: Operation, params: Mapping[str, Any]) -> ToolStarted:
    """The event, with its words."""
    text = pick(language, ko=f"{operation.title_ko}: 찾아보는 중입니다.", en=f"Looking up: {operation.title_en}.")
    return ToolStarted(text, tool, operation.name, params)
