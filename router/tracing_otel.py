"""Sends spans to a collector: OTLP over HTTP, with OpenTelemetry's SDK and messages (the extra `maek[otel]`).

Rules of this file
- The only one that knows OpenTelemetry, loaded only where somebody traces.
- Whoever ends a span waits for nothing: the SDK's batch processor encodes and sends in a thread of its own. What does
  not fit into its queue is dropped.
- A collector that is away is one line of the log a minute, with how much was lost; what a header holds is never told.

The SDK's own exporter is not used: to encode a span takes it 95 µs, and this file 30, since most attributes of a span
are those of the span before. https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, TraceFlags
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from router.config_tracing import TracingConfig
from router.tracing import CLOSING_SECONDS, Kind, Span, Value
from router.tracing_context import TraceContext

log = logging.getLogger(__name__)

QUEUE_SPANS = 4096
"""Some MB; at 100 requests a second it covers ten seconds of silence."""
BATCH_SPANS = 128
"""To encode one takes some 3 ms, in which the event loop may have to wait for its turn: no more at once."""
EVERY_SECONDS = 1.0
SEND_SECONDS = 5.0
"""For one try of one batch; the next ones wait in the queue."""
AGAIN = Retry(
    total=2, backoff_factor=0.5, status_forcelist=(429, 502, 503, 504), allowed_methods=None, redirect=0,
    raise_on_status=False, respect_retry_after_header=False,
)  # fmt: skip
"""What the protocol calls retryable. A redirect is none: a token goes where the operator said and nowhere else."""
COMPLAIN_SECONDS = 60.0
ALWAYS_NEW = frozenset({"maek.decision.id", "maek.choice.reason", "maek.job.id"})
"""Attributes of which hardly two spans have the same."""
MOST_CACHED_CHARACTERS = 64

KINDS = {
    Kind.INTERNAL: SpanMessage.SPAN_KIND_INTERNAL,
    Kind.SERVER: SpanMessage.SPAN_KIND_SERVER,
    Kind.CLIENT: SpanMessage.SPAN_KIND_CLIENT,
    Kind.CONSUMER: SpanMessage.SPAN_KIND_CONSUMER,
}
LOCAL, REMOTE = 0x100, 0x300
"""Flags of a span: where its parent is, is known; and is another process."""
UNSET, ERROR = Status(), Status(code=Status.STATUS_CODE_ERROR)
SAMPLED = SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


NO_RESOURCE = Resource({})


class Ended(ReadableSpan):
    """A span, as the batch processor takes it: all that it asks is whether somebody keeps it."""

    def __init__(self, span: Span) -> None:
        super().__init__(span.name, SAMPLED, resource=NO_RESOURCE)
        self.span = span


class OtlpExport:
    """Takes spans that have ended, and sends them."""

    def __init__(self, settings: TracingConfig, headers: Mapping[str, str]) -> None:
        # What a library has to say of a collector says `Sender`, once.
        for library in ("opentelemetry", "urllib3"):
            logging.getLogger(library).setLevel(logging.CRITICAL)
        self.content = settings.content
        resource = Resource.create({SERVICE_NAME: settings.service_name, SERVICE_VERSION: version("maek")})
        self._sender = Sender(settings.url or "", headers, resource)
        self._batches = BatchSpanProcessor(
            self._sender,
            max_queue_size=QUEUE_SPANS,
            schedule_delay_millis=EVERY_SECONDS * 1000,
            max_export_batch_size=BATCH_SPANS,
        )

    def ended(self, span: Span) -> None:
        """A span has ended."""
        self._batches.on_end(Ended(span))

    def close(self) -> None:
        """Send what is left, as long as that may take: what is not sent by then is lost."""
        give_up = threading.Timer(CLOSING_SECONDS, self._sender.give_up)
        give_up.daemon = True
        give_up.start()
        self._batches.shutdown()  # type: ignore[no-untyped-call]
        give_up.cancel()


class Sender(SpanExporter):
    """Sends batches, and tells the log what becomes of them, at most once a minute."""

    def __init__(self, url: str, headers: Mapping[str, str], resource: Resource) -> None:
        self._url = url
        self._headers = {**headers, "content-type": "application/x-protobuf"}
        told = {key: str(value) for key, value in resource.attributes.items()}
        self._resource = ResourceMessage(attributes=attributes_of(told))
        self._pool = PoolManager(num_pools=1, retries=AGAIN, timeout=Timeout(SEND_SECONDS))
        self._gave_up = False
        self._lost = 0
        self._silent_until = 0.0

    def give_up(self) -> None:
        """Nobody waits any more."""
        self._gave_up = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch. Called by one thread at a time."""
        message = request_of((one.span for one in spans if isinstance(one, Ended)), self._resource)
        if not self._gave_up and self._sent(message.SerializeToString()):
            if self._lost:
                log.info("traces are delivered again endpoint=%s spans_lost=%d", self._url, self._lost)
                self._lost, self._silent_until = 0, 0.0
            return SpanExportResult.SUCCESS
        self._lost += len(spans)
        if time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + COMPLAIN_SECONDS
            log.warning("traces are not delivered endpoint=%s spans_lost=%d", self._url, self._lost)
        return SpanExportResult.FAILURE

    def _sent(self, body: bytes) -> bool:
        try:
            answer = self._pool.request("POST", self._url, body=body, headers=self._headers, redirect=False)
        except HTTPError:
            return False
        return 200 <= answer.status < 300

    def shutdown(self) -> None:
        """No more will come."""
        self._pool.clear()


def request_of(spans: Iterable[Span], resource: ResourceMessage) -> ExportTraceServiceRequest:
    """The message that carries these spans."""
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add(resource=resource).scope_spans.add(scope=_scope())
    for span in spans:
        _add(span, scope)
    return message


def _add(span: Span, scope: ScopeSpans) -> None:
    """Made where it belongs: to put a message into another one copies it."""
    place, parent = span.context, span.parent
    assert place is not None
    assert span.ended_ns is not None
    scope.spans.add(
        trace_id=bytes.fromhex(place.trace_id),
        span_id=bytes.fromhex(place.span_id),
        trace_state=place.state,
        parent_span_id=b"" if parent is None else bytes.fromhex(parent.span_id),
        flags=REMOTE if parent is not None and span.remote else LOCAL,
        name=span.name,
        kind=KINDS[span.kind],
        start_time_unix_nano=span.started_ns,
        end_time_unix_nano=span.ended_ns,
        attributes=attributes_of(span.attributes),
        links=[_link(place) for place in span.links],
        status=ERROR if span.failed else UNSET,
    )


def _link(place: TraceContext) -> SpanMessage.Link:
    return SpanMessage.Link(trace_id=bytes.fromhex(place.trace_id), span_id=bytes.fromhex(place.span_id), flags=REMOTE)


def attributes_of(attributes: Mapping[str, Value]) -> list[KeyValue]:
    """As messages; those that come again and again are made once."""
    return [
        _made(key, value)
        if key in ALWAYS_NEW
        or isinstance(value, float)
        or (isinstance(value, str) and len(value) > MOST_CACHED_CHARACTERS)
        else _known(key, value)
        for key, value in attributes.items()
    ]


def _made(key: str, value: Value) -> KeyValue:
    match value:
        case bool():
            return KeyValue(key=key, value=AnyValue(bool_value=value))
        case int():
            return KeyValue(key=key, value=AnyValue(int_value=value))
        case float():
            return KeyValue(key=key, value=AnyValue(double_value=value))
        case str():
            return KeyValue(key=key, value=AnyValue(string_value=value))


_known = lru_cache(maxsize=1024, typed=True)(_made)


@lru_cache(maxsize=1)
def _scope() -> InstrumentationScope:
    return InstrumentationScope(name="maek", version=version("maek"))
