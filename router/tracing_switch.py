"""Whether requests are traced, and where a trace begins: at the door, or with a job.

Rules of this file
- A caller's `traceparent` decides whether his request is kept; for all others the ratio does.
- A reload counts for what begins later; what is left of a request that runs while the section changes is lost.
- With tracing off, a caller's place in his own trace is still passed on to backends: it costs one look at a header.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Protocol

from router.config_tracing import TracingConfig
from router.tracing import CLOSING_SECONDS, NOTHING, Kind, Recorder, Span, new_span_id, new_trace_id
from router.tracing_context import TraceContext, keeps

log = logging.getLogger(__name__)

EXTRA = "pip install 'maek[otel]'"
LIBRARIES = ("opentelemetry.sdk", "opentelemetry.proto", "urllib3")


class Export(Recorder, Protocol):
    """A recorder that sends what it gets to a collector, from a thread of its own."""

    def close(self) -> None:
        """Send what is left, and end. May take some seconds longer than anybody waits."""
        ...


Open = Callable[[TracingConfig, dict[str, str]], Export]
"""By the settings, and the headers with their secrets."""


def installed() -> bool:
    """Whether the libraries are there that send traces."""
    return all(map(_found, LIBRARIES))


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _open_otlp(settings: TracingConfig, headers: dict[str, str]) -> Export:
    # Only where somebody traces: loading it takes 0.2 s of CPU.
    from router.tracing_otel import OtlpExport  # noqa: PLC0415

    return OtlpExport(settings, headers)


class Tracing:
    """Begins spans as the configuration in force says. Off until one is adopted."""

    def __init__(self, open_export: Open = _open_otlp) -> None:
        self._open = open_export
        self._export: Export | None = None
        self._ratio = 0.0
        self._adopted: tuple[TracingConfig, dict[str, str]] | None = None

    @property
    def on(self) -> bool:
        """Whether anything is traced."""
        return self._export is not None

    def adopt(self, settings: TracingConfig) -> None:
        """Put these settings in force. Raises SecretUnusable, and changes nothing, if a header cannot be read."""
        adopted = (settings, settings.header_texts())
        if adopted == self._adopted:
            return
        self._adopted = adopted
        self._let_go()
        self._ratio = settings.sample_ratio
        if settings.endpoint is None:
            return
        if not installed():
            log.error("nothing is traced: the libraries are missing; run: %s", EXTRA)
            return
        self._export = self._open(*adopted)
        log.info(
            "tracing endpoint=%s sample_ratio=%s content=%s", settings.url, settings.sample_ratio, settings.content
        )

    def begin(
        self,
        name: str,
        kind: Kind,
        caller: TraceContext | None = None,
        *,
        links: tuple[TraceContext, ...] = (),
        sampled: bool | None = None,
    ) -> Span:
        """The first span here of what `caller` asks, or of what nobody waits for. `sampled`: decided already."""
        if self._export is None:
            return NOTHING if caller is None else Span(caller)
        trace_id = new_trace_id() if caller is None else caller.trace_id
        if sampled is None:
            sampled = keeps(trace_id, self._ratio) if caller is None else caller.sampled
        place = TraceContext(trace_id, new_span_id(), sampled, "" if caller is None else caller.state)
        if not sampled:
            # Nobody keeps it, and whoever is asked next shall not decide that anew.
            return Span(place if caller is None else caller)
        return Span(place, self._export, name, kind, caller, links=links)

    async def close(self) -> None:
        """Send what is left, and wait for that a little."""
        sent = self._let_go()
        if sent is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSING_SECONDS):
                    await sent.wait()

    def _let_go(self) -> asyncio.Event | None:
        """Nothing waits for a collector: what is left goes from a thread that ends with the process. Tells when it has
        gone; None: there was nobody to send it to."""
        if self._export is None:
            return None
        loop, sent, export = asyncio.get_running_loop(), asyncio.Event(), self._export
        self._export = None

        def send() -> None:
            export.close()
            with suppress(RuntimeError):  # the loop has not waited for it
                loop.call_soon_threadsafe(sent.set)

        threading.Thread(target=send, name="last traces", daemon=True).start()
        return sent
