"""A world of the balance bench on paper: it takes down what an agent does, and time is what a test says."""

from collections.abc import Hashable, Iterable
from random import Random

from bench.balance.agent import Attempt, Engine, Offer, Reading, Request
from bench.balance.peers.chooser import Chooser

OFFERS = (
    Offer("a", Engine.VLLM, 4.0, 256, 400_000),
    Offer("b", Engine.VLLM, 2.0, 128, 200_000),
    Offer("c", Engine.OLLAMA, 1.0, 4, 64_000),
)


class Paper:
    """Three backends, and nothing happens by itself."""

    def __init__(self) -> None:
        self.now = 0.0
        self.backends = OFFERS
        self.rng = Random(7)
        self.sent: list[Attempt] = []
        self.failed: list[int] = []
        self.asked: list[int] = []
        self.probes: list[Attempt] = []
        self.cancelled: list[Attempt] = []
        self.warmed: list[int] = []
        self.timers: list[tuple[float, Hashable]] = []

    def send(self, request: Request, backend: int) -> Attempt:
        self.sent.append(Attempt(len(self.sent), request, backend, self.now))
        return self.sent[-1]

    def cancel(self, attempt: Attempt) -> None:
        attempt.over = True
        self.cancelled.append(attempt)

    def shed(self, request: Request) -> None:
        raise AssertionError(request)

    def fail(self, request: Request) -> None:
        self.failed.append(request.id)

    def at(self, time: float, key: Hashable) -> None:
        self.timers.append((time, key))

    def ask(self, backend: int) -> None:
        self.asked.append(backend)

    def probe(self, backend: int, prompt_tokens: int, output_tokens: int) -> Attempt:
        request = Request(-1, self.now, prompt_tokens + output_tokens)
        self.probes.append(Attempt(1000 + len(self.probes), request, backend, self.now, probe=True))
        return self.probes[-1]

    def prewarm(self, backend: int) -> None:
        self.warmed.append(backend)

    def tokens_of(self, attempt: Attempt) -> int:
        raise AssertionError(attempt)

    def last_token_at(self, backend: int) -> float | None:
        return None if backend > 2 else 0.0

    def last_gap_seconds(self, backend: int) -> float | None:
        return None if backend > 2 else 0.05

    def arrive(self, agent: Chooser, prompt_tokens: int = 100) -> int:
        """One more request; who got it."""
        agent.arrive(Request(len(self.sent), self.now, prompt_tokens))
        return self.sent[-1].backend

    def finish(self, agent: Chooser, number: int, output_tokens: int = 10) -> None:
        """An attempt gets its first token, if it had none, and its last."""
        self.begin(agent, number)
        self.sent[number].over = True
        agent.finished(self.sent[number], output_tokens)

    def begin(self, agent: Chooser, number: int) -> None:
        """An attempt gets its first token."""
        if self.sent[number].first_token_at is None:
            self.sent[number].first_token_at = self.now
            agent.first_token(self.sent[number])


def choices(agent: Chooser, candidates: Iterable[int] = range(3), times: int = 40) -> set[int]:
    """Whom it may choose now."""
    return {agent.choose(Request(0, 0.0, 100), list(candidates)) for _ in range(times)}


def told(running: int, waiting: int, kv_usage_ratio: float, at: float = 0.0) -> Reading:
    """A reading of an engine that tells its load."""
    return Reading(at, 0.003, resident=True, running=running, waiting=waiting, kv_usage_ratio=kv_usage_ratio)


def silent(at: float = 0.0) -> Reading:
    """A reading of an engine that does not."""
    return Reading(at, 0.003, resident=True)
