"""What a request would suffer on one candidate: models of its time to the first token and of its time per later token.

Rules of this file
- Pure, and stepped by what our own streams measured; nothing here asks a backend anything.
- Times in seconds, prompts and answers in tokens. A candidate is a backend with one of its models.
- A sample that is not about speed (a cold start, a wait for a slot) must not come here as one.

TTFT grows with the prompt tokens that stand before the first token: our own prompt and those that are not yet through.
TPOT grows with the number of sequences that share the machine. Both are straight lines over the range that matters on
batching servers with chunked prefill (Agrawal et al., Sarathi-Serve, OSDI 2024); forgetting follows what changes.
"""

from dataclasses import dataclass, replace

from sidecar.line import Line

TYPICAL_PROMPT_TOKENS = 1000
TYPICAL_ANSWER_TOKENS = 150
"""The request that the slowdown is about: a chat with some history, answered in a paragraph."""
TOKENS_OF_WAITING = TYPICAL_PROMPT_TOKENS
"""Prompt tokens assumed of a request of somebody else that waits."""
FIRST_PRIOR = Line.prior(intercept=0.05, slope=0.0003, at_x=TYPICAL_PROMPT_TOKENS, weight=1.0)
"""An 8-billion-parameter model on a middling GPU, believed no more than two samples."""
LATER_PRIOR = Line.prior(intercept=0.02, slope=0.001, at_x=8, weight=1.0)
KEEP_FIRST = 0.97
KEEP_LATER = 0.98
"""What older samples keep: some 30 and 50 answers count, so that a machine that slows down is known within those."""
LONGEST_SAMPLE_SECONDS = 60.0
"""A first token that took longer says that something broke; how much longer says nothing of speed."""
FULL_WEIGHT_TOKENS = 100
"""An answer of so many tokens measures TPOT well; a shorter one counts in proportion."""
SHORTEST_ANSWER_TOKENS = 8
WEIGHT_OF_SPLIT = 0.5
"""An answer that came all at once measures the sum alone; which part of it was which is believed."""
STEPS_TO_JOIN = 1.5
"""A request joins at the next step, half of one away on average, and shares the one that takes its prompt."""
LEAST_OF_SECONDS = 0.3
"""Whatever prompts of others are reckoned to have taken of an answer's time, the rest was its own."""
TRUSTED_SAMPLES = 5
"""Fewer first tokens than this, and the model is a guess."""

PRIOR_CACHE_HITS = 0.5
"""Most servers keep the beginnings of prompts, some do not, and none says so."""
WEIGHT_OF_NEW_HITS = 0.1
LEAST_SAVING_SECONDS = 0.03
"""Less than this and the noise of a step hides whether anything was saved."""

COLD_PRIOR_SECONDS = 15.0
"""Loading an 8-billion-parameter model from a local disk, before one was measured."""
WEIGHT_OF_NEW_COLD = 0.5
"""Loads are rare: half of the last one."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known of a candidate's speed."""

    first: Line = FIRST_PRIOR
    """Seconds to the first token over prompt tokens ahead of it, its own among them."""
    later: Line = LATER_PRIOR
    """Seconds a token over sequences at once, its own among them."""
    first_seen: Line = FIRST_PRIOR
    later_seen: Line = LATER_PRIOR
    """What was seen on this candidate alone; `first` and `later` may have learned from others like it."""
    cache_hits_ratio: float = PRIOR_CACHE_HITS
    """Of the tokens that may be in the cache, the part that is."""
    cold_seconds: float = COLD_PRIOR_SECONDS
    cold_starts: int = 0

    @property
    def trusted(self) -> bool:
        """Whether enough of our own streams have measured it."""
        return self.first.samples >= TRUSTED_SAMPLES

    def later_seconds(self, sequences: float, tokens: int) -> float:
        """What `tokens` after the first are predicted to take in the company of `sequences` on average."""
        return tokens * self.later.at(max(1.0, sequences))

    def ttft(self, tokens: float, running: float) -> float:
        """Seconds to the first token, with `tokens` of prompts before it, on a machine that runs so many sequences."""
        return self.first.at(tokens) + self._joining(running)

    def _joining(self, running: float) -> float:
        return STEPS_TO_JOIN * self.later.at(running) if running else 0.0

    def after_first_token(self, tokens: float, seconds: float, running: float = 0.0, weight: float = 1.0) -> "Forecast":
        """Once a first token took `seconds`, with `tokens` of prompts before it, while so many sequences ran."""
        seconds = min(seconds, LONGEST_SAMPLE_SECONDS)
        own = max(LEAST_OF_SECONDS * seconds, seconds - self._joining(running))
        first = self.first_seen.after(tokens, own, KEEP_FIRST, weight)
        return replace(self, first=first, first_seen=first)

    def after_answer(
        self, sequences: float, seconds: float, tokens: int, prompt_tokens: int = 0, weight: float = 1.0
    ) -> "Forecast":
        """Once an answer's `tokens` after the first took `seconds`, in the company of `sequences` on average, while so
        many `prompt_tokens` of others were worked off."""
        if tokens < SHORTEST_ANSWER_TOKENS:
            return self
        weight *= min(1.0, tokens / FULL_WEIGHT_TOKENS)
        own = max(LEAST_OF_SECONDS * seconds, seconds - prompt_tokens * self.first.slope)
        later = self.later_seen.after(max(1.0, sequences), own / tokens, KEEP_LATER, weight)
        return replace(self, later=later, later_seen=later)

    def after_whole(self, prompt_tokens: float, sequences: float, seconds: float, tokens: int) -> "Forecast":
        """Once an answer of `tokens` ≥ 1 took `seconds` in all, and nobody saw it come: split as it was predicted."""
        first = self.first.at(prompt_tokens)
        later = self.later_seconds(sequences, tokens - 1)
        part = first / (first + later) if later else 1.0
        known = self.after_first_token(prompt_tokens, seconds * part, weight=WEIGHT_OF_SPLIT)
        return known.after_answer(sequences, seconds * (1 - part), tokens - 1, weight=WEIGHT_OF_SPLIT)

    def after_cache(self, tokens: float, cached_tokens: float, seconds: float, running: float) -> "Forecast":
        """Once a first token took `seconds`: with `tokens` to be computed if of `cached_tokens` as many were cached as
        expected."""
        saved_seconds = cached_tokens * self.first.slope
        if saved_seconds < LEAST_SAVING_SECONDS or not self.trusted:
            return self
        uncached_seconds = self.ttft(tokens + cached_tokens * self.cache_hits_ratio, running)
        found = min(1.0, max(0.0, (uncached_seconds - seconds) / saved_seconds))
        hits = self.cache_hits_ratio + WEIGHT_OF_NEW_HITS * (found - self.cache_hits_ratio)
        return replace(self, cache_hits_ratio=hits)

    def after_cold_start(self, seconds: float, tokens: float) -> "Forecast":
        """Once a first token took `seconds` because the model had to be loaded before `tokens` of prompts."""
        load_seconds = max(0.0, seconds - self.first.at(tokens))
        known = self.cold_seconds if self.cold_starts else load_seconds
        mean = (1 - WEIGHT_OF_NEW_COLD) * known + WEIGHT_OF_NEW_COLD * load_seconds
        return replace(self, cold_seconds=mean, cold_starts=self.cold_starts + 1)


NO_FORECAST = Forecast()


LATE_FACTOR = 3.0
LATE_SECONDS = 0.5
"""A first token that took more than three times as long as predicted, and half a second, has waited for a slot."""
WEIGHT_OF_NEW_SLOTS = 0.3


def came_late(expected_seconds: float, seconds: float) -> bool:
    """Whether a first token took so much longer than predicted that it must have waited for a slot."""
    return seconds > LATE_FACTOR * expected_seconds + LATE_SECONDS


def slots_after_wait(slots: float | None, streaming: int) -> float:
    """Slots inferred once a request had to wait while `streaming` others were answered."""
    if slots is None:
        return float(max(1, streaming))
    return max(1.0, (1 - WEIGHT_OF_NEW_SLOTS) * slots + WEIGHT_OF_NEW_SLOTS * streaming)
