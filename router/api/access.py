"""A line of the log for some of the requests, and for every one that was slow or failed through no fault of its caller.

Rules of this file
- The path as it was registered, the status, the time: nothing that a caller wrote.
- Which requests are shown is counted, not drawn: with a ratio of 0.1 every tenth.
"""

import logging

from aiohttp import web

from router.api.context import OWNER, RECORD, service_of

log = logging.getLogger(__name__)

CLIENT_GONE = 499
POLLED = frozenset({"/livez", "/readyz", "/metrics", "/status"})
"""Asked every few seconds by machines; told only where they fail."""
SHARE = web.AppKey("access_share", list[float])
"""How much of the next line has come together; 1 is a line."""


def route_of(request: web.Request) -> str:
    """The path as it was registered: one that a stranger made up is never logged."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


def tell(request: web.Request, status: int, seconds: float) -> None:
    """Write the line of a request that is over, if it is one of those that are shown."""
    route = route_of(request)
    slow_seconds = service_of(request).config.router.access_log_slow_seconds
    is_told = status >= 500 or (slow_seconds is not None and seconds >= slow_seconds)
    if not is_told and (route in POLLED or not _due(request)):
        return
    record = request.get(RECORD)
    log.log(
        logging.WARNING if status >= 500 else logging.INFO,
        "access method=%s route=%s status=%d seconds=%.3f owner=%s decision=%s",
        request.method if route != "unknown" else "?",
        route,
        status,
        seconds,
        request.get(OWNER) or "-",
        "-" if record is None else record.id,
    )


def _due(request: web.Request) -> bool:
    share = request.app[SHARE]
    share[0] += service_of(request).config.router.access_log_ratio
    if share[0] < 1.0 - 1e-9:  # ten times 0.1 is a little less than 1
        return False
    share[0] -= 1.0
    return True
