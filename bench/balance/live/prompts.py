"""Demand → the body of a request. Pure.

Rules of this file
- A prompt has exactly the tokens of the traffic by the simulator's own count, and as many bytes as Maek, which reckons
  three bytes a token, needs in order to come to the traffic's estimate: as wrong as in virtual time, and no wronger.
- How long the answer shall be stands in the text, where the simulator looks and no router does.
- No two prompts begin alike: nobody shall believe that one is in a cache.
"""

from itertools import pairwise
from random import Random
from string import ascii_lowercase

import orjson

from bench.balance.workload import Demand
from router.demands import BYTES_PER_TOKEN, TOKENS_PER_MESSAGE
from simulator.tokens import count_tokens

MODEL = "model"
_LONGEST_WORD = 6
"""Letters that are one token for the simulator, with the space before them."""


def body_of(demand: Demand, model: str = MODEL) -> bytes:
    """A streaming chat that asks what a demand asks. `model` may be a role."""
    message = {"role": "user", "content": prompt_of(demand)}
    return orjson.dumps({"model": model, "stream": True, "messages": [message]})


def prompt_of(demand: Demand) -> str:
    """The text: what tells the simulator the answer's length, and words without meaning."""
    asked = f"[[tokens={demand.output_tokens}]]"
    words = max(0, demand.prompt_tokens - count_tokens(asked))
    wanted_bytes = BYTES_PER_TOKEN * (demand.request.prompt_tokens - TOKENS_PER_MESSAGE) - len(asked)
    letters = min(_LONGEST_WORD * words, max(words, wanted_bytes - words))
    return asked + _words(words, letters, Random(f"prompt {demand.request.id}"))


def _words(count: int, letters: int, rng: Random) -> str:
    """`count` words of `letters` letters in all, each with a space before it."""
    drawn = "".join(rng.choices(ascii_lowercase, k=letters))
    short, longer = divmod(letters, count or 1)
    ends = [number * short + min(number, longer) for number in range(count + 1)]
    return "".join(f" {drawn[begin:end]}" for begin, end in pairwise(ends))
