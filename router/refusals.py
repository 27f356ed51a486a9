"""What an answer that is no success means: whose fault it is, and when to ask again.

Rules of this file
- Pure. A status and a body in, one meaning out.
- A refusal that says "later" is load and no failure. One that says nothing of the kind is a failure, however fast it
  comes: who fails fast must not look free.
- A backend that lacks what was asked for has not failed either, and another one may have it.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto

LONGEST_RETRY_AFTER_SECONDS = 3600.0
"""Whoever names a later moment means "not today"; nobody is told to wait longer."""
LOADING_SECONDS = 2.0
"""When to ask a backend again that loads its model: it takes seconds to minutes, and each question costs nothing."""
MOST_LOOKED_AT_BYTES = 4096
"""Of a body: why a request was refused is a sentence."""


class Refusal(Enum):
    """Why there is no answer."""

    FULL = auto()
    """It has too much to do, and says so."""
    LOADING = auto()
    """It still reads its weights."""
    KEY = auto()
    """It does not know Maek's key."""
    MOVED = auto()
    """It is somewhere else."""
    MISSING = auto()
    """It has no such model, or cannot do such things."""
    CALLER = auto()
    """It finds the request wrong."""
    FAILURE = auto()


def refusal_of(status: int, body: bytes, *, told_when: bool = False) -> Refusal:
    """What a status outside 200..299 means. `told_when`: the answer says when to come back."""
    if 400 <= status < 600 and _NO_TOOLS.search(body, 0, MOST_LOOKED_AT_BYTES):
        return Refusal.MISSING
    match status:
        case 429:
            return Refusal.FULL
        case 503 if _LOADING.search(body, 0, MOST_LOOKED_AT_BYTES):
            return Refusal.LOADING
        case 503 if told_when or _BUSY.search(body, 0, MOST_LOOKED_AT_BYTES):
            return Refusal.FULL
        case 401 | 403:
            return Refusal.KEY
        case 404 | 405 | 501:
            return Refusal.MISSING
        case 408:
            return Refusal.FAILURE
        case _ if 300 <= status < 400:
            return Refusal.MOVED
        case _ if 400 <= status < 500:
            return Refusal.CALLER
        case _:
            return Refusal.FAILURE


def retry_after_seconds(header: str | None, answered: str | None, now: datetime) -> float | None:
    """What a Retry-After says: seconds to wait, 0..3600; None where it says nothing.

    It may name a date. That is one of the backend's clock, and so is `answered`, the Date of its answer; without one,
    `now` has to do. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), LONGEST_RETRY_AFTER_SECONDS)
    until = _moment(text)
    if until is None:
        return None
    wait_seconds = (until - (_moment(answered or "") or now)).total_seconds()
    return min(max(0.0, wait_seconds), LONGEST_RETRY_AFTER_SECONDS)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


_NO_TOOLS = re.compile(
    rb"(?i)does not support tools|tools param requires --jinja|requires --enable-auto-tool-choice"
    rb"|tool (?:use|calling|choice) is not supported|tools? (?:are|is) not supported"
)
"""Ollama, llama.cpp (with HTTP 500), vLLM; and LM Studio and others, in words of their own."""
_LOADING = re.compile(rb"(?i)loading (?:the )?model|model is (?:still )?(?:being )?load(?:ed|ing)")
"""llama.cpp says "Loading model"."""
_BUSY = re.compile(
    rb"(?i)server (?:is )?(?:busy|overloaded)|model is overloaded|queue is full|maximum queue size|no slots? available"
)
"""Ollama ("server busy, please try again"), KoboldCpp, TGI, SGLang, Triton and llama.cpp, in this order."""
