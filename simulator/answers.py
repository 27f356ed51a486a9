"""What the simulator says: an ask becomes the tokens of its answer.

Rules of this file
- Pure and deterministic: the same ask gives the same tokens.
- It never passes for a model: an answer that is not a decision says that it comes from the simulator.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, cycle, islice
from typing import Any

from simulator.classifier import decide, is_classifier_prompt, is_korean
from simulator.request import Ask
from simulator.tokens import split_tokens

QUOTE_CHARACTERS = 60
"""As much of the question is quoted: enough to recognise it."""

MOST_TOKENS = 100_000
"""No answer is longer, whatever `[[tokens=N]]` says: a list of that size is still cheap."""

_LENGTH = re.compile(r"\[\[tokens=(\d{1,7})\]\]")

_KOREAN = (
    "(시뮬레이터) 모델 없이 만든 연습용 답변입니다. 질문은 “{quote}”였습니다. "
    "실제 LLM 서버를 연결하면 이 자리에 그 서버의 답변이 한 토큰씩 흘러나옵니다."
)
_ENGLISH = (
    "(simulator) This is a practice answer, made without a model. You asked: “{quote}”. "
    "Once a real LLM server is connected, its answer arrives here, token by token."
)
_KOREAN_MORE = " 이 문장은 요청한 길이를 채우기 위해 되풀이됩니다."
_ENGLISH_MORE = " This sentence repeats until the length that was asked for is reached."


@dataclass(frozen=True, slots=True)
class Reply:
    """The tokens of an answer, at least one; `cut_short`: a limit on tokens ended it."""

    tokens: tuple[str, ...]
    cut_short: bool

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.tokens)


def write_reply(ask: Ask) -> Reply:
    """Return the answer to `ask`: a decision where one is asked for, else a text that quotes the question."""
    if ask.wants_json or is_classifier_prompt(ask.system):
        decision = _fit(decide(ask.last_user_text, ask.system), ask.schema or {})
        tokens = split_tokens(json.dumps(decision, ensure_ascii=False))
    else:
        tokens = _prose(ask)
    most = min(MOST_TOKENS, ask.max_tokens or MOST_TOKENS)
    return Reply(tuple(tokens[:most]), cut_short=len(tokens) > most)


def _prose(ask: Ask) -> list[str]:
    question = ask.last_user_text or ask.prompt_text
    quote = " ".join(_LENGTH.sub("", question).split())[:QUOTE_CHARACTERS]
    korean = is_korean(quote)
    text = (_KOREAN if korean else _ENGLISH).format(quote=quote)
    for stop in ask.stop:
        text = text.split(stop, 1)[0] if stop else text
    tokens = split_tokens(text) or [""]
    wanted = _LENGTH.search(question)
    length = max(1, int(wanted[1])) if wanted else max(len(tokens), ask.min_tokens)
    more = split_tokens(_KOREAN_MORE if korean else _ENGLISH_MORE)
    # One token above the limit shows that there would have been more.
    return list(islice(chain(tokens, cycle(more)), min(length, MOST_TOKENS + 1)))


def _fit(decision: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Make a decision obey the keys of `schema`: what it requires is there, what it forbids is not."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return decision
    for key in schema.get("required", ()):
        if key not in decision:
            decision[key] = _nothing(properties.get(key))
    if schema.get("additionalProperties") is False:
        return {key: value for key, value in decision.items() if key in properties}
    return decision


def _nothing(schema: object) -> object:
    """Return the emptiest value of a property's schema: null, if it may be null."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    empty: Mapping[str, object] = {
        "string": "",
        "object": {},
        "array": [],
        "number": 0,
        "integer": 0,
        "boolean": False,
    }
    return empty.get(kind) if isinstance(kind, str) else None
