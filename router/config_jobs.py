"""What an operator sets for jobs.

Rules of this file
- As in `router.config`, of which it is a part.
"""

import os
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from router.plain_urls import is_plain_url
from sidecar.config import Count, EmptyList, EmptyMapping, Name, Seconds, SecretReference, Section, refused, resolve

PREFIX_WANTED = "http://HOST/PATH or https://HOST/PATH, without user, password, query and fragment"
MAXIMAL_SECONDS = 31 * 86_400


def _check_prefix(url: str) -> str:
    if not is_plain_url(url) or "?" in url:
        raise refused(PREFIX_WANTED, found="something else (not shown)")
    return url


Concurrency = Annotated[int, Field(ge=1, le=1000)]
Attempts = Annotated[int, Field(ge=1, le=100)]
Prefix = Annotated[str, AfterValidator(_check_prefix), Field(json_schema_extra={"$comment": PREFIX_WANTED})]


class WebhooksConfig(Section):
    """Who is told that a job has ended."""

    allow: Annotated[tuple[Prefix, ...], EmptyList] = ()
    """Beginnings of the addresses that a job may name; empty: webhooks are refused. Redirects are never followed."""
    secret: SecretReference | None = None
    """What webhooks are signed with: env:NAME or file:/PATH, never the secret itself."""
    attempts: Attempts = 8
    """Times that one is sent before it is given up."""
    retry_seconds: Seconds = 5.0
    """Seconds before the second time; doubled each time, up to an hour."""

    @model_validator(mode="after")
    def _signed_or_not_at_all(self) -> "WebhooksConfig":
        if self.allow and self.secret is None:
            raise refused("a secret to sign them with, or no addresses", found="addresses under allow without a secret")
        return self

    def secret_text(self, environ: Mapping[str, str] = os.environ) -> str:
        """The secret itself; empty where none is named. Raises SecretUnusable."""
        return "" if self.secret is None else resolve(self.secret, environ)


class JobsConfig(Section):
    """Work that is stored before it is answered for, and survives a restart."""

    concurrency: Concurrency = 2
    """Jobs of one role at the same time; those that name no role count as the reasoner's."""
    pools: Annotated[dict[Name, Concurrency], EmptyMapping] = Field(default_factory=dict)
    """Another number for some roles, by their names."""
    attempts: Attempts = 8
    """Times that a job is tried whose backends fail; then it is a dead letter. Waiting for room does not count."""
    retry_seconds: Seconds = 2.0
    """Seconds before the second try; doubled each time, and varied by half."""
    most_retry_seconds: Seconds = 300.0
    """The longest such wait, in seconds."""
    deadline_seconds: Annotated[float, Field(gt=0, le=MAXIMAL_SECONDS, allow_inf_nan=False)] = 86_400.0
    """Seconds after which a job is given up that names no deadline of its own."""
    keep_hours: Annotated[float, Field(gt=0, le=8760)] = 72.0
    """Hours that a job and its result are kept after its end."""
    max_jobs: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Jobs kept; those that ended make room, the oldest first. One more that is not done yet is told to come back."""
    max_event_bytes: Count = 300_000
    """Bytes of events kept of one job; the result is kept whole."""
    webhooks: WebhooksConfig = WebhooksConfig()
    """Who is told that a job has ended."""
