"""Around every request: an id, a door that asks for the key, and errors as bodies in the dialect of the path.

Rules of this file
- One of the few places that catch everything; what was not foreseen is logged with its request id, counted, and
  answered as `internal`.
- No body and no log line repeats what a user wrote.
"""

import asyncio
import logging
from time import monotonic

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from router.api import access, page
from router.api.context import OWNER, RECORD, REQUEST_ID, request_id_for, service_of, trail
from router.api.errors import error_response
from router.api.tracing import answered, request_span
from router.attempt import ClientGone
from router.errors import BadRequest, Internal, MaekError, MethodNotAllowed, NotFound, TooLarge, Unauthorized
from router.logs import answering
from router.tracing import on_behalf_of

log = logging.getLogger(__name__)

NOBODY = ""
"""Who has shown no key that is known."""
OPEN_PATHS = page.OPEN_PATHS | {"/livez", "/readyz"}
"""Asked by supervisors and browsers, which have no key, and saying nothing about anybody."""


@web.middleware
async def request_ids(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Notes whose request it is, and gives it an id, which every answer and every line of the log has too."""
    owner = service_of(request).keys.owner(request.headers.get("authorization"))
    request[OWNER] = owner or NOBODY
    request[REQUEST_ID] = request_id_for(request, known=owner is not None)
    began = monotonic()
    status = access.CLIENT_GONE
    with answering(request[REQUEST_ID]), on_behalf_of(request_span(request)) as span:
        try:
            response = await handler(request)
            status = response.status
        finally:
            access.tell(request, status, monotonic() - began)
            if (record := request.get(RECORD)) is not None:
                service_of(request).decisions.end(record)
            answered(span, request, status)
    if not response.prepared:
        response.headers["x-request-id"] = request[REQUEST_ID]
    return response


@web.middleware
async def errors_as_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns whatever a handler raises into an error body."""
    try:
        return await handler(request)
    except asyncio.CancelledError:
        raise
    except ClientGone:
        # Nobody is there to read an answer; aiohttp closes the connection.
        return web.Response(status=499)
    except MaekError as error:
        return _answer(request, error)
    except web.RequestPayloadError:
        return _answer(request, BadRequest("The body could not be read: it is not encoded as its headers say."))
    except web.HTTPException as error:
        return _answer(request, _from_http(error))
    except Exception:
        log.exception("unforeseen error request_id=%s path=%s", request[REQUEST_ID], access.route_of(request))
        return _answer(
            request, Internal("Something unforeseen happened in Maek; its log has more under this request id.")
        )


@web.middleware
async def keys_at_the_door(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets in whoever shows a key that is known."""
    if request[OWNER] == NOBODY and request.path not in OPEN_PATHS:
        raise Unauthorized("Send a key that Maek knows as `Authorization: Bearer KEY`. `maek key new` makes one.")
    return await handler(request)


def _answer(request: web.Request, error: MaekError) -> web.StreamResponse:
    service_of(request).telemetry.failed(error)
    response = error_response(request.path, error, request[REQUEST_ID])
    record = request.get(RECORD)
    if record is not None:
        record.error = error.code
        response.headers.update(trail(record, record.journey))
    return response


def _from_http(error: web.HTTPException) -> MaekError:
    """aiohttp's own refusals, in our words."""
    match error:
        case web.HTTPRequestEntityTooLarge():
            return TooLarge("The body is larger than router.limits.body_bytes allows.")
        case web.HTTPMethodNotAllowed():
            return MethodNotAllowed(f"This path takes {', '.join(sorted(error.allowed_methods))}, not {error.method}.")
        case web.HTTPNotFound():
            return NotFound("There is nothing at this path. docs/api.md lists what there is.")
        case _:
            return BadRequest(f"The request could not be read ({error.reason}).")


MIDDLEWARES: tuple[Middleware, ...] = (request_ids, errors_as_bodies, keys_at_the_door)
