"""What a sidecar shows: four pages, each a projection of one snapshot taken when it was asked for.

Rules of this file
- Nothing here changes anything, and nothing here waits for a backend.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from prometheus_client.exposition import choose_encoder

from sidecar.exposition import SnapshotCollector
from sidecar.load import LoadRules
from sidecar.state import Snapshot
from sidecar.views import backends_json, status_json

METRICS = "/metrics"
BACKENDS = "/backends"
STATUS = "/status"
LIVEZ = "/livez"
PATHS = (METRICS, BACKENDS, STATUS, LIVEZ)
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of 200."""

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Pages:
    """Everything that the pages are made from."""

    snapshot: Callable[[], Snapshot]
    """Everything known now."""
    rules: Callable[[], LoadRules]
    status: Callable[[Snapshot, LoadRules], Mapping[str, Any]] = status_json
    """What `/status` says. A proxy counts the requests itself, whatever the backend says of them."""

    def page(self, path: str, accept: str = "") -> Page:
        """The page at one of `PATHS`; `accept` chooses between Prometheus text and OpenMetrics."""
        if path == METRICS:
            return self.metrics(self.snapshot(), accept)
        if path == BACKENDS:
            return _json({"backends": backends_json(self.snapshot(), self.rules())})
        if path == STATUS:
            return _json(self.status(self.snapshot(), self.rules()))
        return _json({"status": "ok"})

    def metrics(self, snapshot: Snapshot, accept: str) -> Page:
        """Metrics of one snapshot, in the format that `accept` asks for."""
        encode, content_type = choose_encoder(accept)
        rules = self.rules()
        return Page(encode(SnapshotCollector(lambda: snapshot, lambda: rules)), content_type)


def _json(value: Mapping[str, Any]) -> Page:
    return Page(orjson.dumps(value), JSON)
