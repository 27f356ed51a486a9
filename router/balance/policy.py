"""What a policy is: candidates and a demand in, a cost for each candidate out.

Rules of this file
- Pure. Costs are compared and nothing else; what they are made of is the policy's own affair. Equal costs are a tie,
  which chance breaks.
- `before` says how many of us already wait for a slot at a candidate: one more would wait there behind them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from router.balance.demand import Demand
from router.balance.seen import Able
from sidecar import Lengths


class Scene(NamedTuple):
    """Everything that a policy may look at."""

    able: Sequence[Able]
    before: Sequence[int]
    """How many of us wait for each of `able`."""
    demand: Demand
    lengths: Lengths
    """How long answers of the demand's role are."""
    random: float
    """0..1."""
    cached: Sequence[float] | None = None
    """Tokens of the prompt that each of `able` is expected to have in its cache; None: none of them any."""

    def prompt_tokens(self, place: int) -> float:
        """What of the prompt one of `able` has to compute."""
        return self.demand.prompt_tokens - (self.cached[place] if self.cached else 0.0)


class Policy(NamedTuple):
    """A way to choose."""

    costs: Callable[[Scene], list[float]]
    """One for each candidate; the lowest wins, infinity means "not this one"."""
    by: str
    """What wins, in words."""
    waits: bool = False
    """Its costs tell when it is better to wait for a backend than to go to another. What others would choose counts
    only among those that have room, as long as there are any."""
