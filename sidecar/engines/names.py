"""What the name of a model tells: how many weights it has, and whether it writes text or vectors.

Rules of this file
- Pure, and only a guess: what a server says of its model comes first.
- The last part of a path that tells anything wins: directories above it name collections, not the model.
"""

import re
from collections.abc import Iterator

from sidecar.engines.engine import ModelKind

SCALES = {"m": 1e6, "b": 1e9, "t": 1e12}

SIZE = re.compile(
    r"""
    (?<![a-z0-9.])          # at the beginning of a word: the 3b of "a3b" is what is active, not what there is
    (?:(\d{1,3})x|e)?       # "8x7b" is eight experts; "e4b" is four billion effective
    (\d{1,5}(?:\.\d{1,3})?)
    ([mbt])
    (?![a-z0-9])            # "4bit" is not four billion
    """,
    re.VERBOSE | re.IGNORECASE,
)

LONGEST_NAME = 1000
"""Characters looked at; a longer name is an attack or a mistake."""

EMBEDDING_PARTS = ("embed", "sentence-transformers", "rerank")
"""Anywhere in the name. A reranker writes no text either."""

EMBEDDING_WORDS = frozenset(
    {"bge", "e5", "gte", "minilm", "mpnet", "labse", "sbert", "bert", "colbert", "nomic", "mxbai", "arctic", "stella"}
)
"""Families whose names are words of their own: "e5-large" is one, "phi-3.5" is not."""


def parameters_of(name: str) -> float | None:
    """How many weights a model of this name has, or None if the name does not tell.

    The largest size in the name counts: "qwen3:30b-a3b" has 3e10 weights of which 3e9 work on a token, and the
    1M of "Qwen2.5-7B-Instruct-1M" is a context. Experts are multiplied ("8x7b" → 5.6e10), which is a little too many.
    """
    for part in parts_of(name):
        sizes = [
            int(experts or 1) * float(number) * SCALES[scale.lower()] for experts, number, scale in SIZE.findall(part)
        ]
        if sizes and max(sizes) > 0:
            return max(sizes)
    return None


def kind_of(name: str, family: str | None = None) -> ModelKind:
    """Whether a model of this name, and of this family if the server names one, answers in text or in vectors."""
    for known in (family or "", *parts_of(name)):
        lowered = known.lower()
        if any(part in lowered for part in EMBEDDING_PARTS):
            return ModelKind.EMBEDDING
        if EMBEDDING_WORDS & set(re.split(r"[^a-z0-9]+", lowered)):
            return ModelKind.EMBEDDING
    return ModelKind.CHAT


def parts_of(name: str) -> Iterator[str]:
    """The parts of a path, the last first: "/models/Qwen3-8B/" → "Qwen3-8B", "models"."""
    for part in reversed(re.split(r"[/\\]+", name[-LONGEST_NAME:])):
        if part:
            yield part
