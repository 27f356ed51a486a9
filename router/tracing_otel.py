"""Sends spans to a collector: OTLP over HTTP, by OpenTelemetry's SDK (the extra `maek[otel]`).

Rules of this file
- The only one that knows OpenTelemetry, loaded only where somebody traces.
- Whoever ends a span waits for nothing: the SDK's own thread encodes and sends, and what does not fit into its queue is
  dropped.
- A collector that is away is one line of the log a minute, with how much was lost; a header of his is never told.
"""

import logging
import threading
import time
from collections.abc import Sequence
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from router.config_tracing import TracingConfig
from router.tracing import CLOSING_SECONDS, Kind, Span
from router.tracing_context import TraceContext

log = logging.getLogger(__name__)

QUEUE_SPANS = 4096
"""Some MB; at 100 requests a second it covers ten seconds of silence."""
BATCH_SPANS = 64
"""To encode one takes some 5 ms, in which the event loop may have to wait for its turn: no more at once."""
EVERY_SECONDS = 1.0
SEND_SECONDS = 5.0
"""For one batch, repetitions included; the next ones wait in the queue."""
COMPLAIN_SECONDS = 60.0

KINDS = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.CONSUMER: SpanKind.CONSUMER,
}
KEPT = TraceFlags(TraceFlags.SAMPLED)
UNSET, ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class OtlpExport:
    """Takes spans that have ended, and sends them."""

    def __init__(self, settings: TracingConfig, headers: dict[str, str]) -> None:
        # What the SDK has to say of a collector says `Complaining`, once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._exporter = OTLPSpanExporter(settings.url, headers=headers or None, timeout=SEND_SECONDS)
        self.content = settings.content
        self._scope = InstrumentationScope("maek", version("maek"))
        self._resource = Resource.create({SERVICE_NAME: settings.service_name, SERVICE_VERSION: version("maek")})
        self._batches = BatchSpanProcessor(
            Complaining(self._exporter, settings.url or ""),
            max_queue_size=QUEUE_SPANS,
            schedule_delay_millis=EVERY_SECONDS * 1000,
            max_export_batch_size=BATCH_SPANS,
        )

    def ended(self, span: Span) -> None:
        """A span has ended."""
        assert span.context is not None
        self._batches.on_end(
            ReadableSpan(
                span.name,
                _context(span.context, remote=False),
                None if span.parent is None else _context(span.parent, remote=span.remote),
                self._resource,
                span.attributes,
                links=[Link(_context(link, remote=True)) for link in span.links],
                kind=KINDS[span.kind],
                status=ERROR if span.failed else UNSET,
                start_time=span.started_ns,
                end_time=span.ended_ns,
                instrumentation_scope=self._scope,
            )
        )

    def close(self) -> None:
        """Send what is left, as long as that may take: what is not sent by then fails at once."""
        give_up = threading.Timer(CLOSING_SECONDS, self._exporter.shutdown)
        give_up.daemon = True
        give_up.start()
        self._batches.shutdown()  # type: ignore[no-untyped-call]
        give_up.cancel()


class Complaining(SpanExporter):
    """Around an exporter: tells the log what becomes of spans, at most once a minute."""

    def __init__(self, exporter: SpanExporter, endpoint: str) -> None:
        self._exporter = exporter
        self._endpoint = endpoint
        self._lost = 0
        self._silent_until = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch. Called by one thread at a time."""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            if self._lost:
                log.info("traces are delivered again endpoint=%s spans_lost=%d", self._endpoint, self._lost)
                self._lost, self._silent_until = 0, 0.0
            return result
        self._lost += len(spans)
        if time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + COMPLAIN_SECONDS
            log.warning("traces are not delivered endpoint=%s spans_lost=%d", self._endpoint, self._lost)
        return result

    def shutdown(self) -> None:
        """No more will come."""
        self._exporter.shutdown()


def _context(place: TraceContext, *, remote: bool) -> SpanContext:
    state = TraceState.from_header([place.state]) if place.state else None
    return SpanContext(int(place.trace_id, 16), int(place.span_id, 16), remote, KEPT if place.sampled else None, state)
