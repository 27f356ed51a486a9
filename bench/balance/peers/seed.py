"""The rules of Maek's predecessor: four classes of load, and turns among the best class."""

from collections.abc import Sequence

from bench.balance.agent import Attempt, Failure, Reading, Request, World
from bench.balance.peers.chooser import Chooser

_FREE, _NORMAL, _BUSY, _VERY_BUSY = range(4)


class SeedStatus(Chooser):
    """Every backend has `/status`, asked every 30 s. Where an engine tells nothing, the router's own count at that
    moment stands in."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._active = [0 for _ in self.everyone]
        self._turn = 0

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The next in turn among the lowest class."""
        levels = {number: self._raised(number) for number in candidates}
        lowest = min(levels.values())
        best = [number for number in candidates if levels[number] == lowest]
        self._turn += 1
        return best[self._turn % len(best)]

    def read(self, backend: int, reading: Reading | None) -> None:
        """How much it works on."""
        if reading is None:
            return
        if reading.running is None or reading.waiting is None:
            self._active[backend] = self.in_flight[backend]
        else:
            self._active[backend] = reading.running + reading.waiting

    def level(self, backend: int) -> int:
        """The class by active jobs."""
        active = self._active[backend]
        return _VERY_BUSY if active >= 4 else _BUSY if active >= 2 else _NORMAL if active else _FREE

    def _raised(self, backend: int) -> int:
        level = self.level(backend)
        # The local queue raises free and normal by one, and nothing above.
        return level + 1 if self.in_flight[backend] > 1 and level <= _NORMAL else level


class SeedStatusFast(SeedStatus):
    """The same, asked every 2 s."""

    poll_seconds = 2.0


class SeedHybrid(SeedStatus):
    """No backend has `/status`: health latency against its baseline, and now and then a small inference."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._health_ms = [0.0 for _ in self.everyone]
        self._baseline_ms: list[float | None] = [None for _ in self.everyone]
        self._samples = [0 for _ in self.everyone]
        self._inference: list[tuple[float, float]] = [(0.0, -1e9) for _ in self.everyone]
        self._probing = False

    def read(self, backend: int, reading: Reading | None) -> None:
        """A sample of health; a real inference is wanted when it is slow and none is known."""
        if reading is None:
            return
        sample = self._health_ms[backend] = reading.health_seconds * 1000
        known, self._samples[backend] = self._baseline_ms[backend], self._samples[backend] + 1
        if known is None or self._samples[backend] <= 4:
            known = max(known or 0.0, sample)
        else:
            known = 0.9 * known + 0.1 * sample
        baseline = self._baseline_ms[backend] = max(10.0, known)
        if sample > 3 * baseline and not self._is_cached(backend) and not self._probing:
            self._probing = True
            self.in_flight[backend] += 1
            self.world.probe(backend, prompt_tokens=20, output_tokens=8)

    def ended(self, attempt: Attempt, output_tokens: int) -> None:
        """A probe tells how long an inference takes."""
        if attempt.probe:
            self._probing = False
            self._inference[attempt.backend] = ((self.world.now - attempt.sent_at) * 1000, self.world.now)

    def lost(self, attempt: Attempt, failure: Failure) -> None:
        """A probe that failed tells nothing."""
        if attempt.probe:
            self._probing = False

    def level(self, backend: int) -> int:
        """The class by inference latency while it is fresh, else by health latency."""
        if self._is_cached(backend):
            latency_ms = self._inference[backend][0]
            if latency_ms > 4000:
                return _VERY_BUSY if latency_ms > 8000 else _BUSY
        health_ms, usual_ms = self._health_ms[backend], self._baseline_ms[backend] or 50.0
        return _BUSY if health_ms > 5 * usual_ms else _NORMAL if health_ms > 2 * usual_ms else _FREE

    def _is_cached(self, backend: int) -> bool:
        return self.world.now - self._inference[backend][1] < 30.0
