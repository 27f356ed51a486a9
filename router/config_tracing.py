"""What an operator sets for traces (OpenTelemetry)."""

import os
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from router.config_tools.mcp import URL_PATTERN, URL_WANTED, HeaderName
from sidecar.config import EmptyMapping, SecretReference, Section, Word, resolve

TRACES_PATH = "/v1/traces"
"""Where a collector takes traces over HTTP, by the protocol's own word."""


class TracingConfig(Section):
    """Traces of what Maek did for a request, sent to a collector of yours; needs maek[otel]."""

    endpoint: (
        Annotated[str, Field(pattern=URL_PATTERN, max_length=2000, json_schema_extra={"$comment": URL_WANTED})] | None
    ) = None
    """A collector that takes OTLP over HTTP, such as http://127.0.0.1:4318; null: nothing is traced."""
    sample_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Part of the requests that are traced, 0 to 1; a caller who sends a `traceparent` decides for his own."""
    service_name: Word = "maek"
    """What this Maek is called among the services that the collector knows."""
    headers: Annotated[dict[HeaderName, SecretReference], EmptyMapping] = Field(default_factory=dict)
    """Headers for the collector, each by reference: Authorization: env:TOKEN, with "Bearer …" in the variable."""
    content: bool = False
    """Have traces carry prompts, answers, and what tools were given and found. They hold personal data then."""

    @property
    def url(self) -> str | None:
        """Where traces go; a collector that is named without a path has the usual one."""
        if self.endpoint is None or urlsplit(self.endpoint).path not in ("", "/"):
            return self.endpoint
        return self.endpoint.rstrip("/") + TRACES_PATH

    def header_texts(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The headers with their secrets. Raises SecretUnusable."""
        return {name: resolve(reference, environ) for name, reference in self.headers.items()}
