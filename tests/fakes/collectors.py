"""A collector of traces: OTLP over HTTP on a real socket, decoded by the protocol's own messages."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


@dataclass(frozen=True)
class Told:
    """A span, as it arrived."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty: it begins a trace."""
    name: str
    kind: str
    attributes: Mapping[str, Any]
    status: str
    began_ns: int
    ended_ns: int
    state: str = ""
    links: tuple[tuple[str, str], ...] = ()
    """Trace and span of each."""
    resource: Mapping[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> tuple[str | None, str]:
        """What it ended with, and whether anybody was to blame."""
        return self.attributes.get("error.type"), self.status


class Collector:
    """What has arrived, in the order in which it did."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Told] = []
        self.bytes = b""
        self.headers: list[Mapping[str, str]] = []
        self.status = 200
        self.location = ""
        """Where to, with a status that redirects."""
        self.asked = 0

    async def take(self, request: web.Request) -> web.Response:
        """`POST /v1/traces`."""
        self.asked += 1
        if self.status != 200:
            return web.Response(status=self.status, headers={"location": self.location} if self.location else {})
        body = await request.read()
        self.bytes += body
        self.headers.append(request.headers)
        message = ExportTraceServiceRequest.FromString(body)
        for of_resource in message.resource_spans:
            resource = _read(of_resource.resource.attributes)
            for of_scope in of_resource.scope_spans:
                self.spans.extend(_told(span, resource) for span in of_scope.spans)
        return web.Response(content_type="application/x-protobuf")

    def named(self, beginning: str) -> list[Told]:
        """Those whose name begins so, by when they began."""
        return sorted((one for one in self.spans if one.name.startswith(beginning)), key=lambda one: one.began_ns)

    def one(self, beginning: str) -> Told:
        """The only one whose name begins so."""
        (found,) = self.named(beginning)
        return found

    def tree(self) -> list[str]:
        """Every trace as lines, each name two blanks further in than its parent's; what began first comes first."""
        ids = {one.span_id for one in self.spans}
        lines: list[str] = []

        def tell(parent: str, depth: int) -> None:
            parts = [one for one in self.spans if (one.parent_id if one.parent_id in ids else "") == parent]
            for one in sorted(parts, key=lambda part: part.began_ns):
                lines.append("  " * depth + one.name)
                tell(one.span_id, depth + 1)

        tell("", 0)
        return lines


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A collector, listening."""
    it = Collector()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes([web.post("/v1/traces", it.take)])
    async with TestServer(app) as server:
        it.url = str(server.make_url("")).rstrip("/")
        yield it


def _told(span: Span, resource: Mapping[str, Any]) -> Told:
    return Told(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        _read(span.attributes),
        Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_").lower(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.trace_state,
        tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        resource,
    )


def _read(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one) for one in attributes}


def _value(attribute: KeyValue) -> Any:
    kind = attribute.value.WhichOneof("value")
    return None if kind is None else getattr(attribute.value, kind)
