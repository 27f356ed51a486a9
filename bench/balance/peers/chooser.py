"""A simple router: one choice for each request, sent at once, and sent elsewhere when it is not taken.

Rules of this file
- What every peer gets alike stands here and nowhere else: liveness by a slow health check, two retries on another
  backend, and an exact count of what it has in flight. A peer is compared by its choice alone.
"""

from collections.abc import Callable, Hashable, Sequence

from bench.balance.agent import Attempt, Failure, FailureKind, Reading, Request, World

_MOST_RETRIES = 2
_HEALTH_SECONDS = 30.0
"""How often liveness is looked at, unless a peer says otherwise."""
_SLOW_HEALTH_SECONDS = 5.0
"""An answer slower than this is none."""


class Chooser:
    """A router that only chooses. What it reads of backends comes to `read`; its attempts to `sent`, `began`, `ended`.

    A subclass defines `choose`, and of the others what it needs.
    """

    poll_seconds: float | None = _HEALTH_SECONDS
    health_seconds = _HEALTH_SECONDS

    def __init__(self, world: World) -> None:
        count = len(world.backends)
        self.world = world
        self.rng = world.rng
        self.everyone: Sequence[int] = range(count)
        self.in_flight = [0] * count
        self._alive: list[int] = list(range(count))
        self._next_health = [0.0] * count
        self._tries: dict[int, int] = {}

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """Who gets the request. There is at least one candidate."""
        raise NotImplementedError

    def sent(self, attempt: Attempt) -> None:
        """An attempt was sent; it is counted already."""

    def began(self, attempt: Attempt) -> None:
        """Its first token came."""

    def ended(self, attempt: Attempt, output_tokens: int) -> None:
        """Its last token came; it is no longer counted."""

    def lost(self, attempt: Attempt, failure: Failure) -> None:
        """It failed; it is no longer counted."""

    def read(self, backend: int, reading: Reading | None) -> None:
        """A poll was answered, or not."""

    def arrive(self, request: Request) -> None:
        """Choose, and send."""
        self._send(request, self._alive or self.everyone)

    def first_token(self, attempt: Attempt) -> None:
        """As `Agent.first_token`."""
        self.began(attempt)

    def finished(self, attempt: Attempt, output_tokens: int) -> None:
        """As `Agent.finished`."""
        self.in_flight[attempt.backend] -= 1
        if self._tries:
            self._tries.pop(attempt.request.id, None)
        self.ended(attempt, output_tokens)

    def failed(self, attempt: Attempt, failure: Failure) -> None:
        """Try another, as long as nothing came and not too often."""
        self.in_flight[attempt.backend] -= 1
        self.lost(attempt, failure)
        if attempt.probe or failure.kind in (FailureKind.CUT, FailureKind.TIMEOUT):
            return
        tries = self._tries.get(attempt.request.id, 0)
        if tries == _MOST_RETRIES:
            self.world.fail(attempt.request)
            return
        self._tries[attempt.request.id] = tries + 1
        others = [number for number in self._alive if number != attempt.backend]
        self._send(attempt.request, others or self._alive or self.everyone)

    def abandoned(self, request: Request) -> None:
        """As `Agent.abandoned`; nothing waits here."""

    def polled(self, backend: int, reading: Reading | None) -> None:
        """Look at liveness now and then, and pass the reading on."""
        now = self.world.now
        if now >= self._next_health[backend]:
            self._next_health[backend] = now + self.health_seconds - 1e-6
            is_alive = reading is not None and reading.health_seconds < _SLOW_HEALTH_SECONDS
            if is_alive != (backend in self._alive):
                self._alive = sorted({*self._alive} ^ {backend})
        self.read(backend, reading)

    def wake(self, key: Hashable) -> None:
        """As `Agent.wake`; a simple peer sets no timers."""

    def least(self, candidates: Sequence[int], cost: Callable[[int], float]) -> int:
        """Who costs least; among equals, chance."""
        best: list[int] = []
        lowest = float("inf")
        for number in candidates:
            value = cost(number)
            if value < lowest:
                lowest, best = value, [number]
            elif value == lowest:
                best.append(number)
        return best[0] if len(best) == 1 else self.rng.choice(best or candidates)

    def two_of(self, candidates: Sequence[int]) -> Sequence[int]:
        """Two candidates by chance: the power of two choices."""
        return self.rng.sample(candidates, 2) if len(candidates) > 2 else candidates

    def _send(self, request: Request, candidates: Sequence[int]) -> None:
        backend = self.choose(request, candidates)
        self.in_flight[backend] += 1
        self.sent(self.world.send(request, backend))
