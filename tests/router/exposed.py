"""What `/metrics` says, read as a scraper reads it, and what must hold of it at every scrape."""

from collections import defaultdict
from collections.abc import Iterator

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain
from prometheus_client.samples import Sample

from tests.fakes.routers import Maek

OPENMETRICS = {"accept": "application/openmetrics-text; version=1.0.0"}
WORK = ("maek_backend_in_flight", "maek_chats_active", "maek_queue_active", "maek_queue_depth")
"""Gauges of work: 0 when there is none."""


class Scrape:
    """One page."""

    def __init__(self, text: str, *, as_openmetrics: bool) -> None:
        read = openmetrics if as_openmetrics else plain
        self.samples: list[Sample] = [sample for family in read(text) for sample in family.samples]

    def sum(self, name: str, **labels: str) -> float:
        """Over all series of this name that have these labels."""
        return sum(sample.value for sample in self._of(name) if labels.items() <= sample.labels.items())

    def by(self, name: str, label: str = "backend") -> dict[str, float]:
        """The sum for every value of one label."""
        found = defaultdict[str, float](float)
        for sample in self._of(name):
            found[sample.labels[label]] += sample.value
        return dict(found)

    def values(self, label: str) -> set[str]:
        """Every value that a label has."""
        return {sample.labels[label] for sample in self.samples if label in sample.labels}

    def series(self, **labels: str) -> list[str]:
        """Names of the series with these labels."""
        return [sample.name for sample in self.samples if labels.items() <= sample.labels.items()]

    def _of(self, name: str) -> Iterator[Sample]:
        return (sample for sample in self.samples if sample.name == name)


async def scrape(router: Maek, *, as_openmetrics: bool = False) -> Scrape:
    """What a scraper gets now."""
    headers = OPENMETRICS if as_openmetrics else {"accept": "text/plain"}
    async with router.client.get(router.url + "/metrics", headers=headers) as response:
        assert response.status == 200
        return Scrape(await response.text(), as_openmetrics=as_openmetrics)


def check_laws(page: Scrape) -> None:
    """What holds of every backend by itself, and so of all together, at any moment."""
    started = page.by("maek_requests_started_total")
    ended = page.by("maek_requests_total")
    in_flight = page.by("maek_backend_in_flight")
    assert started == {backend: ended.get(backend, 0.0) + in_flight[backend] for backend in started}, "conservation"
    assert min(in_flight.values(), default=0.0) >= 0
    assert _without_zeros(page.by("maek_routing_decisions_total")) == _without_zeros(started), "one decision each"
    timed = page.by("maek_request_duration_seconds_count")
    assert _without_zeros(timed) == _without_zeros(ended), "each is timed once"
    first_tokens = page.by("maek_time_to_first_token_seconds_count")
    assert all(count <= timed[backend] for backend, count in first_tokens.items())


def _without_zeros(counts: dict[str, float]) -> dict[str, float]:
    return {name: count for name, count in counts.items() if count}
