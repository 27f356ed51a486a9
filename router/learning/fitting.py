"""Fits an overlay: further weights of a few pieces, on top of the model that is shipped.

Rules of this file
- Pure and repeatable: the same lessons give the same overlay, to the last digit.
- The shipped model stays as it is, and no bias is learned: what makes a kind of message likelier in general is not in
  a few hundred lessons, which were never drawn at random.
- Multinomial logistic regression with the shipped model's logits as its offset, by stochastic gradient descent with
  weights that decay towards nothing.
"""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from router.decide.intent.features import features
from router.decide.intent.labels import ACCEPTED
from router.decide.intent.model import IntentModel, Overlay
from router.learning.lessons import Lesson

ROUNDS = 12
RATE = 1.0
"""Of the first round; it falls with their number."""
DECAY = 0.01
"""Part of a weight that is forgotten whenever it is used: nothing grows on a single message."""
FEWEST_LESSONS = 2
"""That a piece must occur in: what occurs once is that message learned by heart."""
DIGITS = 4
"""Of a weight in the overlay; the shipped model has fewer."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    pieces: tuple[str, ...]
    root: float
    offset: tuple[float, ...]
    wanted: tuple[float, ...]


def fit(lessons: Sequence[Lesson], model: IntentModel) -> Overlay:
    """The overlay that these lessons ask of `model`. Milliseconds a lesson."""
    base = model.with_overlay(None)
    counted = Counter(piece for lesson in lessons for piece in features(lesson.text))
    prepared = [_prepared(lesson, base, counted) for lesson in sorted(lessons)]
    weights: dict[str, list[float]] = {}
    order = random.Random(0)  # noqa: S311 - the order of the lessons is no secret, and must repeat
    for number in range(ROUNDS):
        order.shuffle(prepared)
        for one in prepared:
            _step(one, weights, RATE / (1 + number))
    kept = {piece: tuple(round(value, DIGITS) for value in weights[piece]) for piece in sorted(weights)}
    return Overlay(kept, (0.0,) * len(base.labels), _version(kept))


def _prepared(lesson: Lesson, base: IntentModel, counted: Mapping[str, int]) -> _Prepared:
    pieces = features(lesson.text)
    offset = tuple(base.logits(lesson.text))
    return _Prepared(
        tuple(sorted(piece for piece in pieces if counted[piece] >= FEWEST_LESSONS)),
        math.sqrt(len(pieces) or 1),
        offset,
        _wanted(lesson, base, _shares(offset)),
    )


def _wanted(lesson: Lesson, base: IntentModel, shares: Sequence[float]) -> tuple[float, ...]:
    """The probabilities to aim at. What must not be decided may be any of the labels that never decide, as likely
    among themselves as they were."""
    if lesson.label in ACCEPTED:
        return tuple(float(label is lesson.label) for label in base.labels)
    left = [0.0 if label in ACCEPTED else share for label, share in zip(base.labels, shares, strict=True)]
    total = sum(left)
    return tuple(share / total for share in left)


def _step(one: _Prepared, weights: dict[str, list[float]], rate: float) -> None:
    rows = [weights.setdefault(piece, [0.0] * len(one.offset)) for piece in one.pieces]
    logits = [offset + sum(row[at] for row in rows) / one.root for at, offset in enumerate(one.offset)]
    steps = [rate * (wanted - share) / one.root for wanted, share in zip(one.wanted, _shares(logits), strict=True)]
    for row in rows:
        for at, step in enumerate(steps):
            row[at] += step - rate * DECAY * row[at]


def _shares(logits: Sequence[float]) -> list[float]:
    highest = max(logits)
    powers = [math.exp(logit - highest) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


def _version(weights: Mapping[str, tuple[float, ...]]) -> str:
    return sha256(repr(sorted(weights.items())).encode()).hexdigest()[:8]
