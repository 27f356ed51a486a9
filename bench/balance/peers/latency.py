"""Rules that go by how long answers took: Peak EWMA, C3, LiteLLM."""

import math
from collections import deque
from collections.abc import Sequence

from bench.balance.agent import Attempt, Failure, FailureKind, Request, World
from bench.balance.peers.chooser import Chooser

_DECAY_SECONDS = 10.0
_LINKERD_DEFAULT_SECONDS = 0.03


class PeakEwma(Chooser):
    """Peak EWMA (Finagle, tower, linkerd) on the whole answer: cost = latency · (pending + 1), of two taken by chance.

    A larger sample replaces the average at once; smaller ones, and time, pull it down.
    """

    default_seconds = 1.0
    scans_all = False

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._cost = [self.default_seconds for _ in self.everyone]
        self._at = [0.0 for _ in self.everyone]
        self.pending = [0 for _ in self.everyone]

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The lower cost."""
        return self.least(candidates if self.scans_all else self.two_of(candidates), self._load)

    def sent(self, attempt: Attempt) -> None:
        """One more is pending."""
        self.pending[attempt.backend] += 1

    def ended(self, attempt: Attempt, output_tokens: int) -> None:
        """A sample."""
        self.observe(attempt)

    def lost(self, attempt: Attempt, failure: Failure) -> None:
        """A failure is a sample like any other."""
        self.observe(attempt)

    def observe(self, attempt: Attempt) -> None:
        """How long it took."""
        self.pending[attempt.backend] -= 1
        self._move(attempt.backend, self.world.now - attempt.sent_at)

    def _load(self, backend: int) -> float:
        self._move(backend, 0.0)
        return self._cost[backend] * (self.pending[backend] + 1)

    def _move(self, backend: int, sample_seconds: float) -> None:
        now = self.world.now
        if sample_seconds > self._cost[backend]:
            self._cost[backend] = sample_seconds
        else:
            keep = math.exp((self._at[backend] - now) / _DECAY_SECONDS)
            self._cost[backend] = self._cost[backend] * keep + sample_seconds * (1 - keep)
        self._at[backend] = now


class PeakEwmaScan(PeakEwma):
    """The same over all backends instead of two."""

    scans_all = True


class PeakEwmaFirstToken(PeakEwma):
    """The same on the time to the first byte, as linkerd measures it."""

    default_seconds = _LINKERD_DEFAULT_SECONDS

    def began(self, attempt: Attempt) -> None:
        """A sample."""
        self.observe(attempt)

    def ended(self, attempt: Attempt, output_tokens: int) -> None:
        """Not a sample: its headers came long ago."""

    def lost(self, attempt: Attempt, failure: Failure) -> None:
        """A sample, unless it had begun."""
        if attempt.first_token_at is None:
            self.observe(attempt)


class C3(Chooser):
    """C3 (Suresh et al., NSDI 2015), its ranking without its rate control: R - 1/µ + q³/µ with q = 1 + own in flight.

    Servers that tell their queue with each answer do not exist here; with one router the own count is that queue.
    """

    _KEEP = 0.9

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._response = [1.0 for _ in self.everyone]
        self._service = [1.0 for _ in self.everyone]

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The lowest score."""
        return self.least(candidates, self._score)

    def _score(self, backend: int) -> float:
        queue = 1 + self.in_flight[backend]
        return self._response[backend] + self._service[backend] * (queue**3 - 1)

    def ended(self, attempt: Attempt, output_tokens: int) -> None:
        """Both averages move."""
        backend, seconds = attempt.backend, self.world.now - attempt.sent_at
        service = seconds / max(1, self.in_flight[backend])
        self._response[backend] += (1 - self._KEEP) * (seconds - self._response[backend])
        self._service[backend] += (1 - self._KEEP) * (service - self._service[backend])


class LiteLlmLatency(Chooser):
    """LiteLLM's latency-based-routing: the lowest mean of the last ten latencies per token; who has none goes first.

    A timeout counts as 1000 s; a backend that fails is left alone for 5 s.
    """

    _TIMEOUT_SECONDS = 1000.0
    _COOLDOWN_SECONDS = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._latencies: list[deque[float]] = [deque(maxlen=10) for _ in self.everyone]
        self._not_before = [0.0 for _ in self.everyone]

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The lowest mean."""
        rested = [number for number in candidates if self._not_before[number] <= self.world.now]
        return self.least(rested or candidates, self._mean)

    def _mean(self, backend: int) -> float:
        known = self._latencies[backend]
        return sum(known) / len(known) if known else 0.0

    def ended(self, attempt: Attempt, output_tokens: int) -> None:
        """A sample."""
        self._latencies[attempt.backend].append((self.world.now - attempt.sent_at) / output_tokens)

    def lost(self, attempt: Attempt, failure: Failure) -> None:
        """A rest; after a timeout a bad sample too."""
        self._not_before[attempt.backend] = self.world.now + self._COOLDOWN_SECONDS
        if failure.kind is FailureKind.TIMEOUT:
            self._latencies[attempt.backend].append(self._TIMEOUT_SECONDS)


class LiteLlmLeastBusy(Chooser):
    """LiteLLM's least-busy: the fewest in flight; among equals the first."""

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """Who has the fewest."""
        return min(candidates, key=self.in_flight.__getitem__)
