"""Rules that look at nothing, at connections, or at weights."""

from collections.abc import Sequence

from bench.balance.agent import Request, World
from bench.balance.peers.chooser import Chooser


class Chance(Chooser):
    """Anybody."""

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """By chance."""
        return self.rng.choice(candidates)


class RoundRobin(Chooser):
    """One after the other."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._last = -1

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The next in turn that is a candidate."""
        count = len(self.everyone)
        self._last = min(candidates, key=lambda number: (number - self._last - 1) % count)
        return self._last


class WeightedChance(Chooser):
    """By chance, in proportion to the true weights."""

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """By weighted chance."""
        return self.rng.choices(candidates, [self.world.backends[number].true_weight for number in candidates])[0]


class LeastRequest(Chooser):
    """Least connections over all backends, as in nginx, HAProxy and Olla."""

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """Who has the fewest in flight."""
        return self.least(candidates, self.in_flight.__getitem__)


class OllaLeastConnections(LeastRequest):
    """Olla: least connections with a health check every 5 seconds."""

    poll_seconds = 5.0
    health_seconds = 5.0


class TwoChoices(Chooser):
    """Envoy's LEAST_REQUEST with equal weights: the less loaded of two taken by chance."""

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """The better of two."""
        return self.least(self.two_of(candidates), self.in_flight.__getitem__)


class WeightedLeast(Chooser):
    """Weighted least connections, told the true capacities: what an operator who measured would configure."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.weights = [offer.true_weight for offer in world.backends]

    def choose(self, request: Request, candidates: Sequence[int]) -> int:
        """Who has the fewest in flight for its weight, the new one counted."""
        return self.least(candidates, lambda number: (self.in_flight[number] + 1) / self.weights[number])


class MisweightedLeast(WeightedLeast):
    """The same where the operator guessed: every weight is half or twice the true one, by the seed's chance."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.weights = [weight * self.rng.choice((0.5, 2.0)) for weight in self.weights]
