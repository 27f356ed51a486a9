"""One simulated server: its parts, and the few questions that all endpoints ask it.

Rules of this file
- The only place that reads the clock, besides handing it to the driver.
- What the server says of its load goes through `reported_load`, so that a lie is the same on every endpoint.
"""

import math
import random
import time
from collections import Counter
from datetime import UTC, datetime

from aiohttp import web

from simulator.batch import Batch
from simulator.driver import Driver
from simulator.faults import Cut, F, FaultBoard, LyingStatus
from simulator.personas import PERSONAS
from simulator.settings import SimSettings


class Server:
    """What `create_app` builds and every handler is lent."""

    def __init__(self, settings: SimSettings) -> None:
        self.settings = settings
        self.engine = settings.engine
        self.models = settings.models
        self.persona = PERSONAS[settings.engine]
        self.profile = settings.machine
        self.slots = settings.slots or self.profile.slots
        self.board = FaultBoard()
        self.board.replace(settings.faults, time.monotonic())
        self.dice = random.Random(settings.seed)  # noqa: S311  no secret hangs on these
        self.seen: Counter[str] = Counter()
        self.created = self.wall_seconds()
        keep_alive = settings.keep_alive_seconds
        if keep_alive is None:
            keep_alive = self.persona.keep_alive_seconds
        batch = Batch(
            self.profile,
            self.slots,
            max_queue=self.persona.max_queue if settings.max_queue is None else settings.max_queue,
            cold_start_seconds=settings.cold_start_seconds,
            keep_alive_seconds=math.inf if keep_alive is None else keep_alive,
        )
        self.driver = Driver(batch, self.board, time.monotonic)

    def now(self) -> float:
        """Return the seconds of the clock that faults and driver run on."""
        return time.monotonic()

    def wall_seconds(self) -> int:
        """Return the seconds since the epoch, for `created`."""
        return int(datetime.now(UTC).timestamp())

    def fault(self, kind: type[F]) -> F | None:
        """Return the fault of that kind if it holds now."""
        return self.board.get(kind, self.now())

    def find_model(self, name: str) -> str | None:
        """Return the model that serves `name`; None if there is none. Ollama's `:latest` may be left out or added."""
        if name in self.models:
            return name
        if name.removesuffix(":latest") in self.models:
            return name.removesuffix(":latest")
        return self.models[0] if self.persona.takes_any_model else None

    def reported_load(self) -> tuple[int, int]:
        """Return running and waiting as the server tells them, which may be a lie."""
        lie = self.fault(LyingStatus)
        if lie is not None:
            return lie.active_jobs, 0
        occupancy = self.driver.occupancy()
        return occupancy.running, occupancy.waiting

    def reported_kv_usage_ratio(self) -> float:
        """Return how full the server says that its key-value cache is."""
        return 0.0 if self.fault(LyingStatus) else self.driver.occupancy().kv_usage_ratio

    def find_cut(self, question: str, tokens: int) -> Cut | None:
        """Return the fault that cuts an answer of so many tokens, if one does. It depends on the question alone, so
        that the same question is cut whenever it is asked."""
        cut = self.fault(Cut)
        if cut is None or cut.after_tokens >= tokens:
            return None
        dice = random.Random(f"cut {self.settings.seed} {question}")  # noqa: S311  no secret hangs on these
        return cut if dice.random() < cut.ratio else None


SERVER: web.AppKey[Server] = web.AppKey("server", Server)


def server_of(request: web.Request) -> Server:
    """Return the server that a request reached."""
    return request.app[SERVER]
