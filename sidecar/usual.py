"""How fast a candidate usually is when it has nothing else to do: what is held against it when it is slow.

Rules of this file
- Pure, and stepped by what our own streams measured. Seconds, tokens, sequences.
- It remembers for half an hour what a forecast forgets within fifty answers: a machine that is six times slower for two
  minutes is slow, and not another machine.
- Whatever is in the way of an answer makes it slower, never faster. So quick samples count in full, slow ones little
  (asymmetric least squares: Newey and Powell, Econometrica 1987), and those beyond all proportion not at all.
- Errors count in proportion: what was seen in little company says most about being alone. Where all was seen in much
  company, the proportions of machines of its kind are believed until something better is seen.
- A machine that is slow beyond all proportion for so long that it must be another one is learnt anew, and that is
  counted.
"""

from dataclasses import dataclass, replace
from math import exp

from sidecar.line import Line
from sidecar.predict import (
    FULL_WEIGHT_TOKENS,
    SHORTEST_ANSWER_TOKENS,
    TRUSTED_SAMPLES,
    TYPICAL_ANSWER_TOKENS,
    TYPICAL_PROMPT_TOKENS,
)

MEMORY_SECONDS = 1800.0
WEIGHT_OF_SLOW = 0.2
"""Of a sample above the line: what is left is near the quickest tenth of all that was seen."""
BEYOND_PROPORTION = 2.5
"""Times the line: waits, stalls, a machine that is busy with something else."""
SURE_SAMPLES = 20
"""Before so many, nothing is beyond proportion."""
LASTING_SECONDS, LASTING_SAMPLES = 900.0, 20
"""So long, and so often, without an ordinary sample in between: this is no trouble that passes."""
FIRST_PRIOR = Line.prior(intercept=0.05, slope=0.0003, at_x=TYPICAL_PROMPT_TOKENS, weight=0.05)
LATER_PRIOR = Line.prior(intercept=0.02, slope=0.001, at_x=8, weight=0.05)
"""Of an 8-billion-parameter model on a middling GPU; next to nothing beside a sample. Their proportions are what
is believed: a first token of a thousand tokens of prompt, or a token in company, against one without."""
WEIGHT_OF_PROPORTION = 1.0
WEIGHT_OF_SPLIT = 0.5
"""An answer that came all at once measures the sum alone."""
LEAST_OF_SECONDS = 0.3
"""Whatever prompts of others are reckoned to have taken of an answer's time, the rest was its own."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A line through the quicker samples, and the sums that it was solved from."""

    line: Line
    seen: Line
    prior: Line
    typical: float
    """The x that is asked for."""
    at: float = 0.0

    @staticmethod
    def of(prior: Line, typical: float) -> "Fit":
        """Before anything was seen."""
        return Fit(prior, prior, prior, typical)

    def is_beyond(self, x: float, y: float) -> bool:
        """Whether a sample is beyond all proportion."""
        return self.seen.samples >= SURE_SAMPLES and y > BEYOND_PROPORTION * self.line.at(x)

    def after(self, at: float, x: float, y: float, weight: float) -> "Fit":
        """Once `y` was seen at `x`."""
        weight *= (self.line.at(self.typical) / self.line.at(max(x, self.typical))) ** 2
        if y > self.line.at(x):
            weight *= WEIGHT_OF_SLOW
        seen = self.seen.after(x, y, exp((self.at - at) / MEMORY_SECONDS), weight)
        proportion = self.prior.at(self.typical) / self.prior.at(seen.mean_x)
        line = seen.after(self.typical, seen.mean_y * proportion, 1.0, WEIGHT_OF_PROPORTION)
        return Fit(line, seen, self.prior, self.typical, at)


@dataclass(frozen=True, slots=True)
class Usual:
    """One candidate's usual speed."""

    first: Fit = Fit.of(FIRST_PRIOR, TYPICAL_PROMPT_TOKENS)  # noqa: RUF009 - frozen, and the same for all
    """Seconds to the first token over the prompt tokens before it."""
    later: Fit = Fit.of(LATER_PRIOR, 1)  # noqa: RUF009
    """Seconds a later token over sequences at once, without what prompts of others take."""
    beyond: int = 0
    """Samples beyond all proportion since the last ordinary one."""
    beyond_since: float | None = None
    shifts: int = 0
    """How often it was learnt anew."""

    @property
    def trusted(self) -> bool:
        """Whether enough was seen to hold anything against it."""
        return self.first.seen.samples >= TRUSTED_SAMPLES and self.later.seen.samples >= TRUSTED_SAMPLES

    @property
    def alone_seconds(self) -> float:
        """A typical request on the idle machine."""
        return self.first.line.at(TYPICAL_PROMPT_TOKENS) + TYPICAL_ANSWER_TOKENS * self.later.line.at(1)

    def token_seconds(self, sequences: float, prompts_ratio: float) -> float:
        """A later token of one of so many sequences, where each of the others, token for token, has so many tokens of
        prompts worked off besides."""
        return self.later.line.at(sequences) + (sequences - 1) * prompts_ratio * self.first.line.slope

    def after_first_token(self, at: float, tokens: float, seconds: float, weight: float = 1.0) -> "Usual":
        """Once a first token took `seconds`, with `tokens` of prompts before it."""
        if self.first.is_beyond(tokens, seconds):
            return self._after_beyond(at)
        return Usual(self.first.after(at, tokens, seconds, weight), self.later, shifts=self.shifts)

    def after_answer(
        self, at: float, sequences: float, seconds: float, tokens: int, prompt_tokens: float = 0, weight: float = 1.0
    ) -> "Usual":
        """Once `tokens` after the first took `seconds` in the company of `sequences`, while so many tokens of others'
        prompts were worked off."""
        if tokens < SHORTEST_ANSWER_TOKENS:
            return self
        own = max(LEAST_OF_SECONDS * seconds, seconds - prompt_tokens * self.first.line.slope)
        x, y = max(1.0, sequences), own / tokens
        if self.later.is_beyond(x, y):
            return self._after_beyond(at)
        weight *= min(1.0, tokens / FULL_WEIGHT_TOKENS)
        return Usual(self.first, self.later.after(at, x, y, weight), shifts=self.shifts)

    def after_whole(self, at: float, prompt_tokens: float, sequences: float, seconds: float, tokens: int) -> "Usual":
        """Once an answer of `tokens` ≥ 1 took `seconds` in all, and nobody saw it come: split as is usual."""
        first = self.first.line.at(prompt_tokens)
        part = first / (first + (tokens - 1) * self.later.line.at(max(1.0, sequences)))
        known = self.after_first_token(at, prompt_tokens, seconds * part, WEIGHT_OF_SPLIT)
        return known.after_answer(at, sequences, seconds * (1 - part), tokens - 1, weight=WEIGHT_OF_SPLIT)

    def _after_beyond(self, at: float) -> "Usual":
        since = at if self.beyond_since is None else self.beyond_since
        if self.beyond + 1 >= LASTING_SAMPLES and at - since >= LASTING_SECONDS:
            return Usual(shifts=self.shifts + 1)
        return replace(self, beyond=self.beyond + 1, beyond_since=since)


NOTHING_USUAL = Usual()
