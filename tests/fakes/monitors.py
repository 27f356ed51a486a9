"""A monitor over a store of its own, by a clock that stands still, and pages for the backends that it watches."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from sidecar.facts import BackendAdded, BackendSpec
from sidecar.monitor import Monitor, Pace, Sleep, WantsProbe
from sidecar.probe import Prober, probing_session
from sidecar.state import BackendState
from sidecar.store import Store
from tests.fakes import backends as fakes
from tests.fakes.clock import Clock

PATIENT = Pace(jitter_ratio=0.0, liveness_timeout_seconds=60, stats_timeout_seconds=60, inference_timeout_seconds=60)
"""Nothing is given up within a test, so whatever hangs hangs to its end."""
RESTLESS = replace(PATIENT, interval_seconds=0.0)
"""Every tick is a whole round."""


def never(_state: BackendState, _now: float) -> bool:
    return False


def always(_state: BackendState, _now: float) -> bool:
    return True


async def no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Watched:
    """A monitor with the store that it fills."""

    store: Store
    monitor: Monitor
    clock: Clock

    def add(self, name: str, url: str, engine: str = "openai", **models: str) -> None:
        self.store.apply(BackendAdded(self.clock(), BackendSpec(name, url, engine, models=models)))

    def state(self, name: str = "mini") -> BackendState:
        return self.store.snapshot(self.clock()).backends[name]


@asynccontextmanager
async def watched(
    pace: Pace = PATIENT,
    wants_probe: WantsProbe = never,
    *,
    prober: type[Prober] = Prober,
    sleep: Sleep | None = None,
) -> AsyncIterator[Watched]:
    clock, store = Clock(), Store()
    async with probing_session() as session:
        asking = prober(session, clock)
        monitor = Monitor(store, asking, clock, lambda: 0.5, pace, wants_probe, sleep or clock.sleep)
        yield Watched(store, monitor, clock)


STATUS = {"active_jobs": 2, "total_requests": 10}
WITH_STATUS = fakes.answering({**fakes.OPENAI, "GET /status": STATUS})
OLLAMA = fakes.answering(
    {
        "GET /": fakes.http(b"Ollama is running", content_type="text/plain"),
        "GET /api/version": {"version": "0.31.2"},
        "GET /api/tags": {"models": [{"name": "gemma4:12b"}, {"name": "qwen3:4b"}]},
        "GET /api/ps": {"models": [{"name": "qwen3:4b"}]},
        "POST /v1/chat/completions": fakes.SAID,
        **fakes.OPENAI,
    }
)
