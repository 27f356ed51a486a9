"""Traffic: who asks what and when. Generated from a seed; `bench.balance.traces` reads recorded traffic instead.

The figures are fitted to the Azure LLM inference traces of 2023 (Patel et al., Splitwise, ISCA 2024). Conversations:
over windows of a minute the rate varies by 19 %, over seconds by another 14 %; prompts and answers are nearly
lognormal, and hardly correlated. Code: by the published medians and means, arrivals far burstier than Poisson.

Rules of this file
- Pure: the same arguments and seed give the same traffic, whoever routes it.
- Open loop: when a request comes does not depend on how the ones before it fared.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import NamedTuple

from bench.balance.agent import BLOCK_TOKENS, Request

_ESTIMATE_ERROR = 0.15
"""A router does not have the model's tokenizer: its count is up to this far off."""


class Demand(NamedTuple):
    """A request as the router sees it, and what it truly asks of a backend."""

    request: Request
    prompt_tokens: int
    output_tokens: int


Traffic = tuple[Demand, ...]
"""In the order of arrival."""


class Ask(NamedTuple):
    """One line of recorded or generated traffic."""

    at: float
    prompt_tokens: int
    output_tokens: int
    session: int | None = None
    blocks: tuple[int, ...] = ()


def as_traffic(asks: list[Ask], seed: int) -> Traffic:
    """Traffic in the order of time, with the counts that a router would estimate."""
    rng = Random(f"estimate {seed}")
    return tuple(
        Demand(
            Request(number, ask.at, _estimated(ask.prompt_tokens, rng), ask.session, ask.blocks),
            ask.prompt_tokens,
            ask.output_tokens,
        )
        for number, ask in enumerate(sorted(asks, key=lambda ask: ask.at))
    )


def _estimated(tokens: int, rng: Random) -> int:
    return max(1, round(tokens * rng.uniform(1 - _ESTIMATE_ERROR, 1 + _ESTIMATE_ERROR)))


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lognormal token counts of prompts and answers, cut off as the trace is."""

    prompt_median: float
    prompt_sigma: float
    most_prompt: int
    output_median: float
    output_sigma: float
    most_output: int
    correlation: float
    """Of the two logarithms."""

    def draw(self, rng: Random) -> tuple[int, int]:
        """One prompt and its answer."""
        first, second = rng.gauss(0, 1), rng.gauss(0, 1)
        second = self.correlation * first + math.sqrt(1 - self.correlation**2) * second
        prompt = self.prompt_median * math.exp(self.prompt_sigma * first)
        output = self.output_median * math.exp(self.output_sigma * second)
        return _within(prompt, self.most_prompt), _within(output, self.most_output)


def _within(value: float, most: int) -> int:
    return min(most, max(1, round(value)))


CONVERSATION = Lengths(821, 0.974, 4123, 151, 0.904, 1000, 0.03)
CODE = Lengths(1500, 0.79, 7437, 13, 1.24, 1899, 0.2)


@dataclass(frozen=True, slots=True)
class Pulse:
    """How uneven arrivals are: the rate is multiplied by a gamma variable of mean 1 anew in every window."""

    window_seconds: float
    variation: float
    """Standard deviation of the multiplier."""


CONVERSATION_PULSES = (Pulse(60.0, 0.19), Pulse(1.0, 0.14))
CODE_PULSES = (Pulse(60.0, 0.3), Pulse(5.0, 1.6))
"""Long silences, then for some seconds several times the mean."""


def arrivals(rate_per_second: float, seconds: float, pulses: tuple[Pulse, ...], rng: Random) -> Iterator[float]:
    """Times of a Poisson process whose rate is itself random: the product of the pulses."""
    tables = [_multipliers(pulse, seconds, rng) for pulse in pulses]
    finest = min(pulse.window_seconds for pulse in pulses)
    for window in range(math.ceil(seconds / finest)):
        begin, end = window * finest, min(seconds, (window + 1) * finest)
        rate = rate_per_second
        for pulse, table in zip(pulses, tables, strict=True):
            rate *= table[int(begin / pulse.window_seconds + 1e-9)]
        at = begin
        while rate > 0 and (at := at + rng.expovariate(rate)) < end:
            yield at


def _multipliers(pulse: Pulse, seconds: float, rng: Random) -> list[float]:
    shape = pulse.variation**-2
    return [rng.gammavariate(shape, 1 / shape) for _ in range(math.ceil(seconds / pulse.window_seconds))]


def conversations(rate_per_second: float, seconds: float, seed: int) -> Traffic:
    """Chats, each request by itself."""
    return _independent(rate_per_second, seconds, seed, CONVERSATION, CONVERSATION_PULSES)


def code(rate_per_second: float, seconds: float, seed: int) -> Traffic:
    """Completions of source code: long prompts, short answers, in bursts."""
    return _independent(rate_per_second, seconds, seed, CODE, CODE_PULSES)


def _independent(rate: float, seconds: float, seed: int, lengths: Lengths, pulses: tuple[Pulse, ...]) -> Traffic:
    rng = Random(f"traffic {seed}")
    return as_traffic([Ask(at, *lengths.draw(rng)) for at in arrivals(rate, seconds, pulses, rng)], seed)


_MEAN_TURNS = 5
_THINKING_MEDIAN_SECONDS, _THINKING_SIGMA = 20.0, 0.8
_SYSTEM_PROMPTS, _SYSTEM_TOKENS = 4, 512
_QUESTION = Lengths(120, 0.9, 2000, 151, 0.904, 1000, 0.1)
_MOST_HISTORY_TOKENS = 8192


def sessions(rate_per_second: float, seconds: float, seed: int) -> Traffic:
    """Conversations of several turns, where each prompt begins with all that was said before it."""
    rng = Random(f"sessions {seed}")
    asks: list[Ask] = []
    hashes = count(1_000_000)
    systems = [[next(hashes) for _ in range(_SYSTEM_TOKENS // BLOCK_TOKENS)] for _ in range(_SYSTEM_PROMPTS)]
    # Conversations that began before the traffic did: without them it would start with first turns only.
    lead = 3 * _MEAN_TURNS * _THINKING_MEDIAN_SECONDS
    begun = arrivals(rate_per_second / _MEAN_TURNS, seconds + lead, CONVERSATION_PULSES, rng)
    for session, begin in enumerate(begun):
        asks += _conversation(session, begin - lead, list(systems[rng.randrange(_SYSTEM_PROMPTS)]), hashes, rng)
    return as_traffic([ask for ask in asks if 0 <= ask.at < seconds], seed)


def _conversation(session: int, at: float, blocks: list[int], hashes: Iterator[int], rng: Random) -> Iterator[Ask]:
    history = _SYSTEM_TOKENS
    while True:
        question, answer = _QUESTION.draw(rng)
        prompt = history + question
        blocks += [next(hashes) for _ in range(prompt // BLOCK_TOKENS - len(blocks))]
        yield Ask(at, prompt, answer, session, tuple(blocks))
        history = prompt + answer
        if rng.random() < 1 / _MEAN_TURNS or history > _MOST_HISTORY_TOKENS:
            return
        # Reading takes about as long as writing did, at some thirty tokens a second.
        at += answer / 30 + rng.lognormvariate(math.log(_THINKING_MEDIAN_SECONDS), _THINKING_SIGMA)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of traffic, and what a request of it takes in the mean."""

    generate: Callable[[float, float, int], Traffic]
    """Rate a second, seconds, seed → traffic."""
    mean_prompt_tokens: float
    """To be computed: what of a prompt is usually in some cache is not."""
    mean_output_tokens: float


CONVERSATIONS = Kind(conversations, 1190.0, 217.0)
CODE_COMPLETIONS = Kind(code, 2000.0, 28.0)
SESSIONS = Kind(sessions, 900.0, 217.0)
