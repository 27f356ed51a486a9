"""The span of a request: where a caller's trace comes in, and what OpenTelemetry's conventions for HTTP tell of it.

Rules of this file
- Only requests that somebody waits for: those that machines ask every few seconds, and pages that stay open, are none.
- Neither the caller's address nor his program, nor anything of the path but its pattern: a stranger writes all of it.
"""

from aiohttp import web

from router.api.access import CLIENT_GONE, route_of
from router.api.context import RECORD, service_of
from router.decisions import record_attributes
from router.tracing import NOTHING, Kind, Span
from router.tracing_context import TRACEPARENT, TRACESTATE, context_of

TRACED = frozenset(
    {
        "/chat",
        "/decide",
        "/jobs",
        "/tools/{tool}/{operation}",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
    }
)
"""Paths as they are registered, asked with POST."""
GONE = "client_gone"


def request_span(request: web.Request) -> Span:
    """For a request that begins now; nothing for one that is not traced."""
    tracing = service_of(request).tracing
    given = request.headers.getall(TRACEPARENT, ())
    if not (tracing.on or given) or request.method != "POST" or (route := route_of(request)) not in TRACED:
        return NOTHING
    caller = context_of(given, request.headers.getall(TRACESTATE, ())) if given else None
    return tracing.begin(f"POST {route}", Kind.SERVER, caller)


def answered(span: Span, request: web.Request, status: int) -> None:
    """The request has been answered, or its client has left."""
    if span.recorder is None:
        return
    route = route_of(request)
    span.note(
        {
            "http.request.method": request.method,
            "http.route": route,
            "url.scheme": request.scheme,
            "url.path": None if "{" in route else route,
            "http.response.status_code": status,
        }
    )
    record = request.get(RECORD)
    if record is not None:
        span.note(record_attributes(record))
    error = None if record is None else record.error
    if status == CLIENT_GONE:
        span.fail(GONE, failed=False)
    elif status >= 500 or error is not None:
        # A stream has had its 200 long before it breaks off.
        span.fail(error or str(status), failed=status >= 500 or status < 400)
