"""The classifier's text read as a decision: the ladder.

Rules of this file
- Pure and total: any text gives a decision or `Unusable`, nothing else.
- Each rung is for what servers and models really do: schemas ignored, thinking left in, fences, a sentence before the
  JSON, commas forgotten. What has climbed up is checked against the registry all the same.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, assert_never

import json_repair
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from router.decide.decision import Action, Decision, Source
from router.decide.errors import Sending, Unusable
from router.tools.parameters import canonical, explain_invalid
from router.tools.spec import Operation, Tool

MAX_CHARACTERS = 32_768
"""Far above the longest valid answer: a longer one is a model that does not stop."""
MAX_OBJECTS = 32
"""Opening braces that are tried. A model that shows its reasoning may write a few objects before the answer."""
MAX_REPAIRED_CHARACTERS = 2048
"""Repair takes time with the square of the length (thirty thousand braces: forty seconds), and the event loop waits."""
LLM_CONFIDENCE = 0.8
"""A model gives no probability that means anything: below a rule's 1.0, and the same for every answer."""

_THINKING = re.compile(
    r"<(think|thinking|reasoning|thought)>.*?(?:</\1>|\Z)|\[THINK\].*?(?:\[/THINK\]|\Z)", re.DOTALL | re.IGNORECASE
)
_THINKING_END = re.compile(r"</(?:think|thinking|reasoning|thought)>|\[/THINK\]", re.IGNORECASE)
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(?P<name>\w++)[^<]*+(?:<\|constrain\|>\s*\w+\s*)?<\|message\|>(?P<text>.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)
_FENCE = re.compile(r"```[\w-]*[ \t]*\n?(?P<text>.*?)(?:```|\Z)", re.DOTALL)


_SENDS = re.compile(
    r"(?:^|[._\-])(?:send|sending|reply|forward|compose)|mail[._\-]?(?:send|reply|forward)|sendmail|smtp"
)
"""Of the name of a tool and an operation: none in the registry is called so."""


def _tidied(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


class _Answer(BaseModel):
    """The answer's shape. Further keys are ignored: models like to add a reason."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    action: Annotated[Action, BeforeValidator(_tidied)]
    response: str | None = None
    prompt: str | None = None
    tool: str | None = None
    operation: str | None = None
    params: dict[str, Any] | None = None


def read_answer(text: str, tools: Mapping[str, Tool], *, may_confirm: bool = False) -> Decision:
    """The decision that `text` says. Raises Unusable with a reason that its author can act on.

    `may_confirm`: a draft waits, and the user's own message is a yes to it; whatever the author thinks of that.
    """
    if len(text) > MAX_CHARACTERS:
        raise Unusable("the answer is too long; answer with one short JSON object")
    try:
        answer = _Answer.model_validate(_json_object(_spoken(text)))
    except ValidationError as error:
        raise Unusable(explain_invalid(error, "en")) from None
    match answer.action:
        case Action.DIRECT | Action.CLARIFY:
            return _decision(answer.action, response=_required(answer.response, answer.action))
        case Action.ROUTE:
            return _decision(Action.ROUTE, prompt=answer.prompt or None)
        case Action.TOOLS:
            return _tool_decision(answer, tools, may_confirm=may_confirm)
        case _:
            assert_never(answer.action)


def _spoken(text: str) -> str:
    """What was said, without what was thought and without fences."""
    said = text.strip()
    if said.startswith("{"):
        return said
    channels = list(_CHANNEL.finditer(said))
    if channels:
        finals = [found["text"] for found in channels if found["name"] == "final"]
        if not finals:
            raise Unusable("there is only thinking, no answer")
        said = finals[-1].strip()
    said = _THINKING.sub("", said)
    # Some templates open the thinking themselves, so that only its end is in the text.
    said = _THINKING_END.split(said)[-1].strip()
    if not said:
        raise Unusable("there is only thinking, or nothing at all")
    fenced = _FENCE.search(said)
    return fenced["text"].strip() if fenced and "{" in fenced["text"] else said


def _json_object(said: str) -> dict[str, Any]:
    """The first whole object that looks like an answer, else what repair makes of the text, else any object."""
    objects = list(_decoded(said))
    for found in objects:
        if "action" in found:
            return found
    repaired = _repaired(said)
    if "action" in repaired or not objects:
        return repaired
    return objects[0]


def _repaired(said: str) -> dict[str, Any]:
    start = said.find("{")
    if start < 0:
        raise Unusable("there is no JSON object in the answer")
    broken = said[start:]
    if len(broken) > MAX_REPAIRED_CHARACTERS:
        raise Unusable("the JSON cannot be read")
    try:
        repaired = json_repair.loads(broken, skip_json_loads=True)
    except (ValueError, RecursionError):  # too deep: the one or the other, by version
        repaired = None
    if isinstance(repaired, list):
        # Several objects in one text: repair returns all of them.
        repaired = next((found for found in repaired if isinstance(found, dict) and "action" in found), None)
    if not isinstance(repaired, dict):
        raise Unusable("the JSON cannot be read")
    return repaired


def _decoded(said: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    at = said.find("{")
    for _ in range(MAX_OBJECTS):
        if at < 0:
            return
        try:
            found, end = decoder.raw_decode(said, at)
            # It begins with a brace, so it is an object.
            yield found
        except (ValueError, RecursionError):
            end = at + 1
        at = said.find("{", end)


def _tool_decision(answer: _Answer, tools: Mapping[str, Tool], *, may_confirm: bool) -> Decision:
    tool, operation = _operation(answer, tools)
    if operation.name == "create_confirmed" and not may_confirm:
        raise Unusable("create_confirmed needs a pending draft and a message that is nothing but a yes to it")
    try:
        params = canonical(operation.params, answer.params or {})
    except ValidationError as error:
        raise Unusable(f"params of {tool.name}.{operation.name}: {explain_invalid(error, 'en')}") from None
    return _decision(Action.TOOLS, tool=tool.name, operation=operation.name, params=params)


def _operation(answer: _Answer, tools: Mapping[str, Tool]) -> tuple[Tool, Operation]:
    name = (answer.tool or "").lower()
    tool = tools.get(name)
    if not (tool and tool.foreign) and _SENDS.search(f"{name}.{answer.operation or ''}".lower()):
        raise Sending("sending is impossible; no tool sends, replies or forwards")
    if tool is None:
        raise Unusable(f"there is no such tool; the tools are {', '.join(tools)}")
    # "calendar.today" for "today" is meant well.
    wanted = (answer.operation or "").lower().removeprefix(f"{name}.")
    operation = tool.operations.get(wanted)
    if operation is None:
        raise Unusable(f"{name} has no such operation; it has {', '.join(tool.operations)}")
    return tool, operation


def _required(response: str | None, action: Action) -> str:
    if not response:
        raise Unusable(f"{action} needs a response text")
    return response


def _decision(action: Action, **fields: Any) -> Decision:
    return Decision(action, Source.LLM, "classifier", confidence=LLM_CONFIDENCE, **fields)
