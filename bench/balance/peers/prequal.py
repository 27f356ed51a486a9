"""Prequal: probes ahead of time, hot by requests in flight, cold by latency (Wydrowski et al., NSDI 2024)."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.balance.agent import Attempt, Reading, Request, World
from bench.balance.peers.chooser import Chooser

_PROBES_A_REQUEST, _POOL_PROBES, _AGE_SECONDS, _MOST_USES = 3, 16, 1.0, 3
_NEAR_RATIO, _MEDIAN_OF = 0.1, 15
"""Latencies at about the same number in flight tell of the next one."""


@dataclass(eq=False, slots=True)
class _Probe:
    backend: int
    at: float
    in_flight: int
    latency_seconds: float
    uses: int = 0


class Prequal(Chooser):
    """The paper's defaults. What its servers would tell besides their load, the latency to expect at that load, is
    kept from the router's own answers, since no engine tells it."""

    hot_quantile = 2**-0.25

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._pool: list[_Probe] = []
        self._seen: deque[int] = deque(maxlen=128)
        self._latencies: list[deque[tuple[int, float]]] = [deque(maxlen=200) for _ in self.everyone]
        self._drops_oldest = False

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The best probe of the pool; without two of them, chance. Three new probes go out."""
        oldest = self.world.now - _AGE_SECONDS
        self._pool = [
            probe
            for probe in self._pool
            if probe.at >= oldest and probe.uses < _MOST_USES and probe.backend in candidates
        ]
        chosen = self.rng.choice(candidates) if len(self._pool) < 2 else self._best()
        for number in self.rng.sample(candidates, min(_PROBES_A_REQUEST, len(candidates))):
            self.world.ask(number)
        return chosen

    def ended(self, attempt: Attempt, output_tokens: int) -> None:
        """A latency at the number that was in flight, itself among them."""
        backend = attempt.backend
        self._latencies[backend].append((self.in_flight[backend] + 1, self.world.now - attempt.sent_at))

    def read(self, backend: int, reading: Reading | None) -> None:
        """A probe's answer. Where the engine does not tell its load, the router's own count stands in."""
        if reading is None:
            return
        in_flight = self.in_flight[backend]
        if reading.running is not None and reading.waiting is not None:
            in_flight = reading.running + reading.waiting
        self._seen.append(in_flight)
        self._pool.append(_Probe(backend, self.world.now, in_flight, self._latency(backend, in_flight)))
        del self._pool[:-_POOL_PROBES]

    def _best(self) -> int:
        threshold = quantile(self._seen, self.hot_quantile)
        cold = [probe for probe in self._pool if probe.in_flight <= threshold]
        if cold:
            best = min(cold, key=lambda probe: (probe.latency_seconds, self.rng.random()))
        else:
            best = min(self._pool, key=lambda probe: (probe.in_flight, self.rng.random()))
        best.uses += 1
        for probe in self._pool:
            if probe.backend == best.backend:
                probe.in_flight += 1
        self._drop_one(threshold)
        return best.backend

    def _drop_one(self, threshold: float) -> None:
        """By turns the oldest and the worst, so that the pool does not fill with what nobody would use."""
        self._drops_oldest = not self._drops_oldest
        if self._drops_oldest:
            del self._pool[0]
            return
        hot = [probe for probe in self._pool if probe.in_flight > threshold]
        if hot:
            self._pool.remove(max(hot, key=lambda probe: probe.in_flight))
        else:
            self._pool.remove(max(self._pool, key=lambda probe: probe.latency_seconds))

    def _latency(self, backend: int, in_flight: int) -> float:
        known = self._latencies[backend]
        reach = max(1, _NEAR_RATIO * in_flight)
        near = [seconds for count, seconds in known if abs(count - in_flight) <= reach]
        latest = (near or [seconds for _, seconds in known])[-_MEDIAN_OF:]
        return median(latest) if latest else 0.0


class PrequalRs(Prequal):
    """The default of prequal-rs: hot above the 0.6-quantile."""

    hot_quantile = 0.6


def quantile(values: Sequence[int], part: float) -> float:
    """The quantile of values in any order, between its two neighbours in proportion."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
