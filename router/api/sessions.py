"""Conversations of the caller: listed, shown whole, deleted.

Rules of this file
- A key sees its own. Another one's session is not found, in the words for one that never was.
- Deleting waits for the turn that runs, which would otherwise write into what is gone.
"""

from typing import Any

import orjson
from aiohttp import web

from router.api.context import OWNER, limit_of, service_of
from router.errors import BadRequest
from router.sessions.showing import cursor_of, last_of, mark_of, overview_json, transcript_json
from router.sessions.store import Mark

MOST_LISTED = 200
USUALLY_LISTED = 50


async def sessions(request: web.Request) -> web.StreamResponse:
    """`GET /sessions`: the caller's, the last used first. `?limit=N`, at most 200; `?after=` the `next` of the answer
    before; `?draft=true`: only those in which a draft waits.
    """
    service, owner = service_of(request), request[OWNER]
    most, after = limit_of(request, USUALLY_LISTED, MOST_LISTED), _after(request, owner)
    found = await service.sessions.listed(owner, most + 1, after, drafted=_drafted(request))
    page = found[:most]
    last = last_of(page)
    rows = [overview_json(one, service.now()) for one in page]
    return _json({"sessions": rows, "next": cursor_of(last) if last is not None and len(found) > most else None})


async def one_session(request: web.Request) -> web.StreamResponse:
    """`GET /sessions/{id}`: everything that is kept of it."""
    service = service_of(request)
    found = await service.sessions.transcript(request.match_info["id"], request[OWNER])
    return _json(transcript_json(found, service.now()))


async def delete(request: web.Request) -> web.StreamResponse:
    """`DELETE /sessions/{id}`: forgets it and everything in it."""
    service, owner, session_id = service_of(request), request[OWNER], request.match_info["id"]
    async with service.talks.in_order(owner, session_id, _patiently):
        await service.sessions.delete(session_id, owner)
    return web.Response(status=204)


def _drafted(request: web.Request) -> bool:
    wanted = request.query.get("draft", "false")
    if wanted not in ("true", "false"):
        raise BadRequest("draft: wanted true or false.", param="draft")
    return wanted == "true"


def _after(request: web.Request, owner: str) -> Mark | None:
    cursor = request.query.get("after")
    try:
        return None if cursor is None else mark_of(cursor, owner)
    except ValueError:
        raise BadRequest("after: wanted the `next` of an answer of GET /sessions.", param="after") from None


async def _patiently() -> None:
    """Nobody is told: there is no stream."""


def _json(value: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")
