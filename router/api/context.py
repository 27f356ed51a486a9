"""What every handler knows of its request: its id, its owner, the service in force, and the headers of the answer.

Rules of this file
- Names and small readers only; nothing here answers a request.
"""

import re
import secrets
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson
from aiohttp import web

from router.balance.why import header
from router.config_roles import PriorityName
from router.decisions import Record
from router.errors import BadRequest
from router.journey import Journey
from router.service import Current, Service

CURRENT = web.AppKey("current", Current)
REQUEST_ID = web.RequestKey("request_id", str)
OWNER = web.RequestKey("owner", str)
RECORD = web.RequestKey("record", Record)
"""What was decided on this request; there from the moment that deciding begins."""

PRIORITY_HEADER = "x-maek-priority"
SESSION_HEADER = "x-maek-session"
SESSION_FIELDS = ("prompt_cache_key", "user")
"""Of OpenAI's bodies: what callers name who want their prompts to meet the same cache again, then whose they are."""
LONGEST_SESSION = 128
"""Characters; a longer name is kept as its hash, which is as good to tell sessions apart by."""

_GIVEN_ID = re.compile(r"[!-~]{1,128}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""UUIDs, hexadecimal and the like."""
_NUMBER = re.compile(r"[0-9]{1,9}")
"""Python reads no number of thousands of digits."""


def service_of(request: web.Request) -> Service:
    """The service in force when it is called: ask once, and keep it for the whole request."""
    return request.app[CURRENT].service


def request_id_for(request: web.Request, *, known: bool) -> str:
    """The caller's own id where he is `known` and it looks like one, else a new one.

    It goes into every line of the log, where nobody shall write sentences or addresses, or what a program that reads
    logs takes for something else.
    """
    given = request.headers.get("x-request-id", "") if known else ""
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


async def json_object(request: web.Request) -> dict[str, Any]:
    """The body. Raises BadRequest if it is not a JSON object in UTF-8; what it holds is never repeated."""
    body = await request.read()
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        found = "an empty body" if not body else f"broken JSON at line {error.lineno}, column {error.colno}"
        raise BadRequest(f"The body must be a JSON object in UTF-8; found {found}.") from None
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object; found another kind of JSON value.")
    return value


def limit_of(request: web.Request, usually: int, most: int) -> int:
    """How many the caller wants to have listed. Raises BadRequest."""
    limit = request.query.get("limit", str(usually))
    if _NUMBER.fullmatch(limit) is None or not 1 <= int(limit) <= most:
        raise BadRequest(f"limit: wanted a whole number from 1 to {most}.", param="limit")
    return int(limit)


def priority_header(request: web.Request) -> PriorityName | None:
    """How urgent the caller says that it is; None where he says nothing. Raises BadRequest."""
    name = request.headers.get(PRIORITY_HEADER)
    if name is None:
        return None
    try:
        return PriorityName(name.strip().lower())
    except ValueError:
        raise BadRequest(f"{PRIORITY_HEADER}: wanted {', '.join(PriorityName)}.", param=PRIORITY_HEADER) from None


def session_of(request: web.Request, body: Mapping[str, Any]) -> str | None:
    """Whose conversation an OpenAI-style request continues: the header's word, else the body's; None: nobody said."""
    names = (request.headers.get(SESSION_HEADER), *(body.get(field) for field in SESSION_FIELDS))
    name = next((name for name in names if isinstance(name, str) and name), None)
    return name if name is None or len(name) <= LONGEST_SESSION else _digest(name)


def conversation_of(request: web.Request) -> str | None:
    """The conversation that may keep a draft: the header's word alone, because a cache or a user has many of them."""
    name = request.headers.get(SESSION_HEADER)
    if not name:
        return None
    return name if _GIVEN_ID.fullmatch(name) else _digest(name)


def _digest(name: str) -> str:
    return blake2b(name.encode(errors="replace"), digest_size=16).hexdigest()


def begin_record(request: web.Request, asked_for: str) -> Record:
    """A record for this request, which the answer names whatever becomes of it."""
    service = service_of(request)
    request[RECORD] = service.decisions.begin(service.now(), request[OWNER], asked_for)
    return request[RECORD]


def trail(record: Record, journey: Journey) -> Mapping[str, str]:
    """Headers that tell what was decided and who answers, as far as that is known."""
    headers = {"x-maek-decision": record.id, "x-maek-attempts": str(len(journey.attempts))}
    last, queued_ms, why = journey.last, journey.queued_ms, journey.why
    if last is not None:
        headers["x-maek-backend"] = last.candidate.backend
        if last.level is not None:
            headers["x-maek-load"] = last.level.label
    if queued_ms is not None:
        headers["x-maek-queue-ms"] = f"{queued_ms:.0f}"
    if why is not None:
        headers["x-maek-why"] = header(why)
    return headers
