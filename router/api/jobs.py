"""Jobs over HTTP: accept, look, follow, cancel, retry.

Rules of this file
- It translates. A 202 is sent when the job is on the disk, and not before.
- A job that belongs to another key is not there.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from hashlib import sha256
from typing import Annotated, Any

import orjson
from aiohttp import web
from pydantic import Field

from router.api.chat import ChatBody, read_body
from router.api.context import OWNER, json_object, limit_of, priority_header, service_of
from router.api.streaming import Reply
from router.config_jobs import MAXIMAL_SECONDS
from router.config_roles import PriorityName
from router.errors import BadRequest, NotFound, UnknownModel
from router.jobs.job import ENDED, Job, NewJob, State, Step
from router.jobs.journal import digest_of
from router.jobs.view import job_json, job_summary
from router.jobs.webhooks import checked
from router.language import language_of
from router.service import Service
from router.sessions.store import checked_id, epoch_seconds
from router.sse import encode
from router.tracing import current

KEY_HEADER = "Idempotency-Key"
MOST_LISTED = 1000
USUALLY_LISTED = 50
_KEY = re.compile(r"[!-~]{1,255}")
_NUMBER = re.compile(r"[0-9]{1,15}")


class JobBody(ChatBody):
    """The body of `POST /jobs`: that of `/chat`, and what only a job has."""

    deadline_seconds: Annotated[float, Field(gt=0, le=MAXIMAL_SECONDS, allow_inf_nan=False)] | None = None
    webhook: str | None = None


async def accept(request: web.Request) -> web.StreamResponse:
    """`POST /jobs`: 202 once it is stored, and where to look for it."""
    service = service_of(request)
    body = read_body(JobBody, await json_object(request), service)
    job, is_new = await service.jobs.accept(await _new_job(body, request, service))
    headers = {"location": f"/jobs/{job.id}"} | ({} if is_new else {"idempotent-replayed": "true"})
    return _json(job_json(job, ()), 202, headers)


async def listed(request: web.Request) -> web.StreamResponse:
    """`GET /jobs`: the caller's, newest first. `?state=dead,queued`, `?limit=N`, `?before=ID`."""
    limit = limit_of(request, USUALLY_LISTED, MOST_LISTED)
    names = request.query.get("state")
    states = tuple(State) if names is None else tuple(_state(name) for name in names.split(","))
    found = await service_of(request).jobs.listed(request[OWNER], states, limit, request.query.get("before"))
    more = found[-1].id if len(found) == limit else None
    return _json({"jobs": [job_summary(job) for job in found], "next": more})


async def one(request: web.Request) -> web.StreamResponse:
    """`GET /jobs/{id}`: everything about it, with its result."""
    return _json(job_json(*await _looked_up(request)))


async def cancel(request: web.Request) -> web.StreamResponse:
    """`DELETE /jobs/{id}`: it is done no more; one that has ended stays as it is."""
    await service_of(request).jobs.cancel(request.match_info["id"], request[OWNER])
    return _json(job_json(*await _looked_up(request)))


async def retry(request: web.Request) -> web.StreamResponse:
    """`POST /jobs/{id}/retry`: a dead letter is tried again."""
    await service_of(request).jobs.retry(request.match_info["id"], request[OWNER])
    return _json(job_json(*await _looked_up(request)), 202)


async def events(request: web.Request) -> web.StreamResponse:
    """`GET /jobs/{id}/events`: what it tells, from the beginning or after `Last-Event-ID`, until it has ended."""
    service, last = service_of(request), request.headers.get("last-event-id", "0")
    if _NUMBER.fullmatch(last) is None:
        raise BadRequest("Last-Event-ID: wanted the id of an event of this job.", param="Last-Event-ID")
    job_id, owner = request.match_info["id"], request[OWNER]
    keepalive_seconds = service.config.router.relay.keepalive_seconds
    reply = Reply(request, dict)
    job, _ = await service.jobs.get(job_id, owner)
    if job.state not in ENDED:
        await reply.keep_alive()  # whoever has heard all there is learns at once that he is heard
    async with aclosing(service.jobs.follow(job_id, owner, int(last), keepalive_seconds)) as told:
        async for event in told:
            if event is None:
                await reply.keep_alive()
            else:
                await reply.write(encode(event.data, event.name, str(event.number)))
    if not reply.begun:
        return web.Response(status=204)  # tells an EventSource that there is nothing to come back for
    return await reply.end()


async def _looked_up(request: web.Request) -> tuple[Job, Sequence[Step]]:
    return await service_of(request).jobs.get(request.match_info["id"], request[OWNER])


async def _new_job(body: JobBody, request: web.Request, service: Service) -> NewJob:
    owner, settings = request[OWNER], service.jobs.settings
    if body.role is not None and body.role not in service.fleet.roles:
        known = ", ".join(service.fleet.roles)
        raise UnknownModel(f"There is no role of this name; there are {known}.", param="role")
    priority = priority_header(request) if body.priority is None else PriorityName(body.priority)
    seconds = settings.deadline_seconds if body.deadline_seconds is None else body.deadline_seconds
    return NewJob(
        owner=owner,
        session=checked_id(body.session),
        message=body.message,
        language=body.lang or language_of(body.message, service.config.router.language),
        language_named=body.lang is not None,
        role=body.role,
        priority=str(priority or PriorityName.NORMAL),
        resume=body.resume,
        deadline_at=epoch_seconds() + seconds,
        webhook=None if body.webhook is None else checked(body.webhook, settings.webhooks.allow),
        draft=await _waiting_draft(service, body.session, owner),
        key=_key(request),
        digest=sha256(orjson.dumps([body.model_dump(mode="json"), priority], option=orjson.OPT_SORT_KEYS)).hexdigest(),
        trace=None if (accepted_at := current().context) is None else accepted_at.parent,
    )


async def _waiting_draft(service: Service, session: str | None, owner: str) -> str | None:
    """What tells the draft that waits in the session now from any other."""
    if session is None:
        return None
    try:
        return digest_of(await service.sessions.pending(session, owner))
    except NotFound:
        return None


def _key(request: web.Request) -> str | None:
    key = request.headers.get(KEY_HEADER)
    if key is not None and _KEY.fullmatch(key) is None:
        raise BadRequest(f"{KEY_HEADER}: wanted 1 to 255 visible ASCII characters without spaces.", param=KEY_HEADER)
    return key


def _state(name: str) -> State:
    try:
        return State(name.strip())
    except ValueError:
        raise BadRequest(f"state: wanted {', '.join(State)}, or several with commas.", param="state") from None


def _json(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json", headers=headers)
