"""Rules of the inference gateways, which read the engines' metrics: llm-d, vLLM's data parallel balancer, SMG.

Rules of this file
- An engine without such metrics would not be served by them at all. So that they can be compared on mixed fleets, the
  router's own count, the true slots and the true size of the cache stand in for it: kinder than life.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.balance.agent import Attempt, Failure, Reading, Request, World
from bench.balance.peers.chooser import Chooser

_MEAN_PROMPT_TOKENS = 1024
_TYPICAL_TOKENS = 1500
"""What a sequence takes of the key-value cache, where an engine does not say how full it is."""
_SMG_TOKENS_PER_SECOND = 2000.0
"""For a weight of one: only the proportions of throughput matter beside SMG's second term."""


@dataclass(slots=True)
class _Load:
    at: float = -1e9
    running: int = 0
    waiting: int = 0
    kv_usage_ratio: float = 0.0
    own: int = 0
    """In flight of the router's own at that moment."""


class MetricsReader(Chooser):
    """Keeps the last load that each backend told."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.loads = [_Load() for _ in self.everyone]

    def read(self, backend: int, reading: Reading | None) -> None:
        """Keep it."""
        if reading is None:
            return
        own = self.in_flight[backend]
        if reading.running is None or reading.waiting is None or reading.kv_usage_ratio is None:
            offer = self.world.backends[backend]
            running = min(own, offer.true_slots)
            usage = min(1.0, running * _TYPICAL_TOKENS / offer.true_kv_tokens)
            self.loads[backend] = _Load(reading.at, running, own - running, usage, own)
        else:
            self.loads[backend] = _Load(reading.at, reading.running, reading.waiting, reading.kv_usage_ratio, own)


class LlmD(MetricsReader):
    """llm-d's default profile without prefixes: queue weight 2, key-value cache weight 2, metrics every 50 ms.

    Scores are scaled between the candidates' extremes. Metrics older than 200 ms count as a saturated backend.
    """

    poll_seconds = 0.05
    _STALE_SECONDS = 0.2
    _QUEUE_WEIGHT, _KV_WEIGHT = 2.0, 2.0

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The highest score."""
        oldest = self.world.now - self._STALE_SECONDS
        fresh = [number for number in candidates if self.loads[number].at >= oldest] or candidates
        queues = [self.loads[number].waiting for number in fresh]
        shortest, spread = min(queues), max(queues) - min(queues)

        def penalty(number: int) -> float:
            load = self.loads[number]
            queue = (load.waiting - shortest) / spread if spread else 0.0
            return self._QUEUE_WEIGHT * queue + self._KV_WEIGHT * load.kv_usage_ratio

        return self.least(fresh, penalty)


class LlmDTokens(Chooser):
    """llm-d's token-load scorer: the fewest prompt tokens whose first token is due, then the fewest in flight."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.due_tokens = [0 for _ in self.everyone]

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The fewest tokens."""
        return self.least(candidates, lambda number: self.due_tokens[number] + 1e-6 * self.in_flight[number])

    def sent(self, attempt: Attempt) -> None:
        """Its prompt is due."""
        self.due_tokens[attempt.backend] += attempt.request.prompt_tokens

    def began(self, attempt: Attempt) -> None:
        """Its prompt is done."""
        self.due_tokens[attempt.backend] -= attempt.request.prompt_tokens

    def lost(self, attempt: Attempt, failure: Failure) -> None:
        """Its prompt is not due any more."""
        if attempt.first_token_at is None:
            self.due_tokens[attempt.backend] -= attempt.request.prompt_tokens


class VllmDataParallel(MetricsReader):
    """vLLM's data parallel balancer: 4 · waiting + running, every 100 ms, and what was sent since."""

    poll_seconds = 0.1

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The lowest."""
        return self.least(candidates, self._load)

    def _load(self, number: int) -> float:
        load = self.loads[number]
        return 4 * load.waiting + load.running + max(0, self.in_flight[number] - load.own)


class SmgLeastLoad(MetricsReader):
    """SMG's least_load: tokens ahead by throughput, and the pressure on the key-value cache; every 10 s."""

    poll_seconds = 10.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._sent_tokens = [0 for _ in self.everyone]

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The lowest."""
        return self.least(candidates, self._load)

    def sent(self, attempt: Attempt) -> None:
        """Counted until the next reading."""
        self._sent_tokens[attempt.backend] += attempt.request.prompt_tokens

    def read(self, backend: int, reading: Reading | None) -> None:
        """The backend's word replaces the count."""
        super().read(backend, reading)
        if reading is not None:
            self._sent_tokens[backend] = 0

    def _load(self, number: int) -> float:
        load = self.loads[number]
        usage = min(0.99, load.kv_usage_ratio)
        throughput = _SMG_TOKENS_PER_SECOND * self.world.backends[number].true_weight
        ahead = load.waiting * _MEAN_PROMPT_TOKENS + self._sent_tokens[number]
        return ahead / throughput + 0.15 * usage / (1 - usage)
