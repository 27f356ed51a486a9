"""How long answers are: what those of one role lately were, and how much of one that runs is still to come.

Rules of this file
- Pure. Tokens. A `Lengths` is a value; `after` gives a new one.
- The table is sorted anew every few answers only: a mean over hundreds does not move with one.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

MOST_ANSWERS = 400
"""Enough for the tail of a length distribution, few enough to follow a change of habits within a day."""
PRIOR = (64, 128, 256, 400)
"""Tokens; answers of chat models before any was seen."""
PRIOR_PROMPT = 1000.0
"""Tokens; a chat with some history."""
WEIGHT_OF_NEW_PROMPT = 0.02
ANSWERS_BETWEEN_SORTS = 20
SHORTEST_REST = 8.0
"""Tokens; an answer that is longer than any seen so far goes on for a while yet."""
TRUSTED_ANSWERS = 5
"""Fewer than this, and they are a guess."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """The last answers of a role, oldest first, and what follows from them."""

    recent: tuple[int, ...] = PRIOR
    mean: float = sum(PRIOR) / len(PRIOR)
    unsorted: int = 0
    ordered: tuple[int, ...] = PRIOR
    tails: tuple[int, ...] = (848, 784, 656, 400)
    """For each place in `ordered`, the sum of it and all after it."""
    mean_prompt: float = PRIOR_PROMPT
    """Tokens of the prompts that these answer."""

    @property
    def prompts_ratio(self) -> float:
        """Tokens of a prompt for each token of its answer."""
        return self.mean_prompt / self.mean

    def after(self, tokens: int, prompt_tokens: int | None = None) -> "Lengths":
        """The lengths once an answer of `tokens` to a prompt of `prompt_tokens` (None: unknown) ended."""
        prompt = self.mean_prompt
        if prompt_tokens is not None:
            prompt += WEIGHT_OF_NEW_PROMPT * (prompt_tokens - prompt)
        recent = (*self.recent, tokens)[-MOST_ANSWERS:]
        if len(self.recent) > ANSWERS_BETWEEN_SORTS and self.unsorted + 1 < ANSWERS_BETWEEN_SORTS:
            return Lengths(recent, self.mean, self.unsorted + 1, self.ordered, self.tails, prompt)
        ordered = tuple(sorted(recent))
        tails = tuple(accumulate(reversed(ordered)))[::-1]
        return Lengths(recent, tails[0] / len(ordered), 0, ordered, tails, prompt)

    @property
    def trusted(self) -> bool:
        """Whether enough answers of the role were seen."""
        return len(self.recent) >= len(PRIOR) + TRUSTED_ANSWERS

    def rest(self, so_far: float) -> float:
        """Tokens still to come of an answer that has `so_far`: E[length − so_far | length > so_far]."""
        ordered = self.ordered
        place = bisect_right(ordered, so_far)
        longer = len(ordered) - place
        rest = self.tails[place] / longer - so_far if longer else SHORTEST_REST
        return max(SHORTEST_REST, rest)

    def expected(self, at_most: int | None) -> float:
        """Tokens of an answer that may have `at_most` (None: any): E[min(length, at_most)]."""
        if at_most is None:
            return self.mean
        place = bisect_right(self.ordered, at_most)
        below = self.tails[0] - (self.tails[place] if place < len(self.tails) else 0)
        return (below + at_most * (len(self.ordered) - place)) / len(self.ordered)


NO_LENGTHS = Lengths()
