"""What Maek tells about itself: health, backends, decisions; and what an operator may switch.

Rules of this file
- Projections of one snapshot. Nothing here changes anything but `?force=true`, which asks the backends afresh,
  draining, and how much the log says.
"""

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from router.api.context import OWNER, json_object, limit_of, service_of
from router.config import LogLevel
from router.decisions import record_json
from router.errors import BadRequest, NotFound
from router.logs import level_now, write_from
from router.service import Service
from sidecar import Snapshot, backends_json

log = logging.getLogger(__name__)

MOST_LISTED = 1000
USUALLY_LISTED = 50


async def livez(_request: web.Request) -> web.StreamResponse:
    """`GET /livez`: the process answers."""
    return _json({"status": "ok"})


async def readyz(request: web.Request) -> web.StreamResponse:
    """`GET /readyz`: 200 while some backend can serve some role, 503 otherwise; which roles, it says."""
    service = service_of(request)
    serving = {role: _able(service, role) for role in service.fleet.roles}
    ready = any(serving.values())
    return _json({"status": "ready" if ready else "no backend is up", "roles": serving}, 200 if ready else 503)


async def status(request: web.Request) -> web.StreamResponse:
    """`GET /status`: the seed's shape, so that routers can stand behind routers."""
    occupancy = service_of(request).occupancy
    return _json({"active_jobs": occupancy.active, "total_requests": occupancy.total})


async def backends(request: web.Request) -> web.StreamResponse:
    """`GET /backends`: every backend with its load, and who serves which role. `?force=true` asks afresh first."""
    service = service_of(request)
    if request.query.get("force", "false").lower() in ("1", "true", "yes"):
        await service.refresh()
    snapshot = service.fleet.snapshot()
    for state in snapshot.backends.values():
        service.fleet.load_at(state, snapshot)  # noted by the flight recorder: somebody has asked
    return _json(
        {
            "backends": backends_json(snapshot, service.fleet.load_rules),
            "roles": {role: _health_summary(service, role, snapshot) for role in service.fleet.roles},
        }
    )


async def drain(request: web.Request) -> web.StreamResponse:
    """`POST /backends/{name}/drain`: no new requests from now on; those that run end as they do."""
    return _drained(request, draining=True)


async def undrain(request: web.Request) -> web.StreamResponse:
    """`POST /backends/{name}/undrain`: it may get requests again."""
    return _drained(request, draining=False)


async def log_level(request: web.Request) -> web.StreamResponse:
    """`POST /log` {"level": "debug"}: how much the log says from now on, until the configuration says otherwise."""
    body = await json_object(request)
    try:
        wanted = LogLevel(body.get("level", ""))
    except ValueError:
        raise BadRequest(f"level: wanted {', '.join(LogLevel)}.", param="level") from None
    before = level_now()
    write_from(wanted)
    if wanted != before:
        log.warning("log level before=%s now=%s owner=%s", before, wanted, request[OWNER])
    return _json({"level": level_now()})


def _drained(request: web.Request, *, draining: bool) -> web.StreamResponse:
    service = service_of(request)
    name = request.match_info["name"]
    if name not in service.fleet.snapshot().backends:
        raise NotFound("There is no backend of this name; GET /backends lists what there is.")
    service.drain(name, draining)
    (backend,) = (
        one for one in backends_json(service.fleet.snapshot(), service.fleet.load_rules) if one["name"] == name
    )
    return _json(backend)


async def decisions(request: web.Request) -> web.StreamResponse:
    """`GET /decisions`: the caller's latest, newest first. `?limit=N`, at most 1000."""
    limit = limit_of(request, USUALLY_LISTED, MOST_LISTED)
    records = service_of(request).decisions.latest(request[OWNER], limit)
    return _json({"decisions": [record_json(record) for record in records]})


async def one_decision(request: web.Request) -> web.StreamResponse:
    """`GET /decisions/{id}`: the id is in the header x-maek-decision of every answer."""
    record = service_of(request).decisions.get(request.match_info["id"], request[OWNER])
    if record is None:
        raise NotFound("There is no decision of this id, or it was too long ago.")
    return _json(record_json(record))


def _able(service: Service, role: str) -> bool:
    states = service.fleet.snapshot().backends
    serving = (states[c.backend] for c in service.fleet.pool_of_role(role) if c.backend in states)
    return any(state.health.available and not state.draining for state in serving)


def _health_summary(service: Service, role: str, snapshot: Snapshot) -> list[Mapping[str, Any]]:
    """Who serves a role: name, model, healthy, latency_ms."""
    return [
        {
            "name": candidate.backend,
            "model": candidate.model,
            "healthy": state.health.available,
            "latency_ms": state.health_ms,
            "simulated": state.spec.simulated,
        }
        for candidate in service.fleet.pool_of_role(role)
        if (state := snapshot.backends.get(candidate.backend)) is not None
    ]


def _json(value: Mapping[str, Any], http_status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=http_status, content_type="application/json")
