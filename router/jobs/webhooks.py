"""Who may be told of the end of a job, and how he knows that it was us. Pure.

Rules of this file
- Nobody but who stands in the operator's list: a caller must not have Maek ask the servers of its network.
- A signature covers the time, so that what was overheard cannot be sent again later.
"""

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256

from router.errors import BadRequest
from router.plain_urls import LONGEST_URL, is_plain_url, is_under

TIMESTAMP_HEADER = "x-maek-timestamp"
SIGNATURE_HEADER = "x-maek-signature"
JOB_HEADER = "x-maek-job"
SIGNATURE_VERSION = "v1"


def allowed(url: str, prefixes: Iterable[str]) -> bool:
    """Whether a URL is under one of these."""
    return any(is_under(url, prefix) for prefix in prefixes)


def checked(url: str, prefixes: Iterable[str]) -> str:
    """The URL, where it may be told. Raises BadRequest."""
    prefixes = tuple(prefixes)
    if not prefixes:
        raise BadRequest(
            "This Maek sends no webhooks: its operator has allowed no address (router.jobs.webhooks.allow). "
            "Ask GET /jobs/ID or /jobs/ID/events instead.",
            param="webhook",
        )
    if not is_plain_url(url):
        raise BadRequest(
            "webhook: wanted http://HOST/PATH or https://HOST/PATH, without user, password and fragment, in letters "
            f"that need no escape, of at most {LONGEST_URL} characters.",
            param="webhook",
        )
    if not allowed(url, prefixes):
        raise BadRequest(
            "webhook: this address is not among those that the operator allows (router.jobs.webhooks.allow).",
            param="webhook",
        )
    return url


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Of a body sent at a time: HMAC with SHA-256 over `timestamp.body`, as hexadecimal digits after `v1=`."""
    signed = timestamp.encode("ascii") + b"." + body
    return f"{SIGNATURE_VERSION}={hmac.new(secret.encode(), signed, sha256).hexdigest()}"


def headers(secret: str, job_id: str, at: float, body: bytes) -> Mapping[str, str]:
    """What goes with a body. `at` in seconds since the epoch."""
    timestamp = str(int(at))
    return {
        "content-type": "application/json",
        JOB_HEADER: job_id,
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: signature(secret, timestamp, body),
    }
