"""What people read of requests to backends: how long they took, what was chosen and why, what it cost in tokens.

Rules of this file
- How many have started, run and ended is the store's to say, and its snapshot's to tell; nothing of it is here.
- Of a backend that the store does not know nothing is told, and what was told of one that is gone is gone at once.
- Labels are names of known backends, models as the store names them (`sidecar.labels`), and enums of the code.
- It runs for every request: a child is looked up among all of its family once.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry

from router import catalog
from router.balance.choice import Choice, Ground
from router.balance.seen import Exclusion
from router.journey import Attempt
from router.meters import Counter, Histogram, Meter
from router.signs import NO_USAGE, Usage
from router.spending import Hedged
from sidecar import BackendAdded, BackendRemoved, Fact, HealthProbed, Metric, Outcome, Progress

Exemplar = Callable[[], dict[str, str] | None]
"""Labels of an exemplar for what is observed now, such as a `trace_id`; None: there is none."""
Child = TypeVar("Child")
M = TypeVar("M", bound=Meter[Any])

WHOLE = frozenset({Outcome.OK, Outcome.OVERLONG, Outcome.CLIENT_GONE})
"""Outcomes that say nothing bad of the tokens that came, so that their pace is the backend's."""

RETRIED = (
    Outcome.BACKEND_ERROR,
    Outcome.REFUSED,
    Outcome.TRUNCATED,
    Outcome.TIMEOUT,
    Outcome.SILENT,
    Outcome.REJECTED,
)
"""Outcomes after which a request may be sent again."""


class RequestMetrics:
    """Metrics of requests, registered with `registry`. `exemplar` is asked in the context of a request."""

    def __init__(self, registry: CollectorRegistry, exemplar: Exemplar = lambda: None) -> None:
        self._exemplar = exemplar
        self._families = Families(registry)
        self._backends: dict[str, OfBackend] = {}

    def saw(self, fact: Fact) -> None:
        """A witness of the store."""
        match fact:
            case HealthProbed():
                if (known := self._backends.get(fact.backend)) is not None:
                    known.probe().observe(fact.latency_ms / 1000)
            case BackendAdded():
                name = fact.spec.name
                if name not in self._backends:
                    self._backends[name] = OfBackend(name, self._families)
                    self._families.begin(name)
            case BackendRemoved():
                if self._backends.pop(fact.backend, None) is not None:
                    self._families.forget(fact.backend)
            case _:
                pass

    def chosen(self, choice: Choice) -> None:
        """Somebody acts on this choice."""
        for one in choice.excluded:
            if (known := self._backends.get(one.candidate.backend)) is not None:
                known.exclusion(one.why).inc()
        if choice.winner is not None and choice.ground is not None:
            known = self._backends.get(choice.winner.candidate.backend)
            if known is not None:
                known.decision(choice.ground).inc()

    def sent(self, overhead_seconds: float) -> None:
        """A request goes out, so long after somebody looked for whom to send it to."""
        self._families.overhead.observe(overhead_seconds, self._exemplar())

    def ended(self, attempt: Attempt, progress: Progress, usage: Usage) -> None:
        """A request to a backend that is known has ended, whatever happened to it."""
        known, booking, exemplar = self._backends[attempt.candidate.backend], progress.booking, self._exemplar()
        model, first_at = booking.told_as, progress.first_at
        assert attempt.ended_at is not None
        seconds = attempt.ended_at - progress.started_at
        known.duration("true" if booking.streamed else "false").observe(seconds, exemplar)
        if booking.streamed and first_at is not None:
            known.first_token(model).observe(first_at - progress.started_at, exemplar)
            if attempt.outcome in WHOLE and attempt.output_tokens > 1 and progress.last_at is not None:
                seconds = (progress.last_at - first_at) / (attempt.output_tokens - 1)
                known.output_token(model).observe(seconds, exemplar)
        if usage.input_tokens:
            known.tokens(model, "input").inc(usage.input_tokens)
        if usage.output_tokens:
            known.tokens(model, "output").inc(usage.output_tokens)
        if usage == NO_USAGE and attempt.outcome is Outcome.OK:
            known.without_usage().inc()

    def retried(self, backend: str, reason: str) -> None:
        """A request was sent again, because `backend` failed in this way."""
        if (known := self._backends.get(backend)) is not None:
            known.retry(reason).inc()

    def hedged(self, outcome: str) -> None:
        """A second request beside a late one has ended."""
        self._families.hedges.labels(outcome).inc()


class Families:
    """Every family of this file, once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._of_backends: list[Meter[Any]] = []
        self.duration = self._histogram(catalog.REQUEST_DURATION, catalog.REQUEST_DURATION_BUCKETS)
        self.first_token = self._histogram(catalog.TIME_TO_FIRST_TOKEN, catalog.FIRST_TOKEN_BUCKETS)
        self.output_token = self._histogram(catalog.TIME_PER_OUTPUT_TOKEN, catalog.OUTPUT_TOKEN_BUCKETS)
        self.overhead = self._histogram(catalog.ROUTING_OVERHEAD, catalog.ROUTING_OVERHEAD_BUCKETS)
        self.decisions = self._counter(catalog.ROUTING_DECISIONS, Ground)
        self.exclusions = self._counter(catalog.ROUTING_EXCLUSIONS, Exclusion)
        self.tokens = self._counter(catalog.TOKENS)
        self.without_usage = self._counter(catalog.REQUESTS_WITHOUT_USAGE, ())
        self.probes = self._histogram(catalog.PROBE_DURATION, catalog.PROBE_BUCKETS)
        self.retries = self._counter(catalog.RETRIES, RETRIED)
        self.hedges = self._counter(catalog.HEDGES, Hedged)

    def begin(self, backend: str) -> None:
        """Tell of a backend that it had none yet of everything that it may have."""
        for family in self._of_backends:
            family.begin(backend)

    def forget(self, backend: str) -> None:
        """Tell nothing of a backend any more."""
        for family in self._of_backends:
            family.forget(backend)

    def _counter(self, metric: Metric, *begins: Iterable[str]) -> Counter:
        return self._noted(metric, Counter(metric, self._registry, product(*begins) if begins else ()))

    def _histogram(self, metric: Metric, buckets: Sequence[float]) -> Histogram:
        return self._noted(metric, Histogram(metric, self._registry, buckets))

    def _noted(self, metric: Metric, family: M) -> M:
        if "backend" in metric.labels:
            self._of_backends.append(family)
        return family


class OfBackend:
    """The children of one backend, each called with the labels that it has besides that."""

    def __init__(self, name: str, families: Families) -> None:
        self.duration = Children(families.duration, name)
        self.first_token = Children(families.first_token, name)
        self.output_token = Children(families.output_token, name)
        self.decision = Children(families.decisions, name)
        self.exclusion = Children(families.exclusions, name)
        self.tokens = Children(families.tokens, name)
        self.without_usage = Children(families.without_usage, name)
        self.probe = Children(families.probes, name)
        self.retry = Children(families.retries, name)


class Children(Generic[Child]):
    """The children of one family that one backend has; each is made when something happens for the first time."""

    def __init__(self, family: Meter[Child], backend: str) -> None:
        self._family = family
        self._backend = backend
        self._made: dict[tuple[str, ...], Child] = {}

    def __call__(self, *labels: str) -> Child:
        """The child with these labels."""
        known = self._made.get(labels)
        if known is None:
            known = self._made[labels] = self._family.labels(self._backend, *labels)
        return known
