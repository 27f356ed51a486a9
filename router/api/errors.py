"""Errors as bodies: one shape for each dialect.

Rules of this file
- Pure: a path and an error give a status, headers and a body. The dialect follows from the path.
- The `code` is the same in every dialect.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

import orjson
from aiohttp import web

from router.errors import Fault, MaekError

OPENAI_PREFIX = "/v1/"

OPENAI_TYPE = {
    Fault.CALLER: "invalid_request_error",
    Fault.POLICY: "rate_limit_error",
    Fault.BACKEND: "api_error",
    Fault.MAEK: "server_error",
}


def error_body(
    path: str, error: MaekError, request_id: str, delivered: Mapping[str, int] | None = None
) -> Mapping[str, Any]:
    """The body of an error, in the dialect of the path. `delivered`: what the client has of an answer already."""
    so_far = {} if delivered is None else {"delivered": delivered}
    if path.startswith(OPENAI_PREFIX):
        kind = OPENAI_TYPE[error.fault]
        return {"error": {"message": error.message, "type": kind, "param": error.param, "code": error.code} | so_far}
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "fault": str(error.fault),
            "param": error.param,
            "request_id": request_id,
            **so_far,
        }
    }


def error_response(path: str, error: MaekError, request_id: str) -> web.Response:
    """The whole answer."""
    headers = {"x-request-id": request_id}
    if error.retry_after_seconds is not None:
        headers["retry-after"] = str(max(1, ceil(error.retry_after_seconds)))
    if error.lasting:
        headers["x-should-retry"] = "false"  # OpenAI's clients ask again after a 5xx unless they are told not to
    return web.Response(
        status=error.status,
        body=orjson.dumps(error_body(path, error, request_id)),
        content_type="application/json",
        headers=headers,
    )
