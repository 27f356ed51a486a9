"""The intent model: what kind of message a text is, with a probability.

Rules of this file
- Pure and total: the same model has the same guess for the same text, and any text has one.
- No library does the arithmetic, and none is needed: a text has some fifty pieces, and a piece's weights for four
  labels lie in one number of 64 bits, so that one addition adds four labels.
"""

import math
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from router.decide.intent.artefact import NOTHING, Artefact, packaged
from router.decide.intent.features import features
from router.decide.intent.labels import Label

_LANES = 4
_LANE_BITS = 16
_LANE = (1 << _LANE_BITS) - 1
_LANE_BYTES = _LANES * _LANE_BITS // 8
_OFFSETS = {"little": (0, 2, 4, 6), "big": (7, 5, 3, 1)}[sys.byteorder]
"""Where a lane's low byte lies in a number of this machine."""
_MOST_ADDED = _LANE // 255
"""Weights that a lane can hold the sum of without running into its neighbour."""


@dataclass(frozen=True, slots=True)
class Guess:
    """The likeliest label, its probability, and how far the second likeliest is behind."""

    label: Label
    probability: float
    margin: float
    sure: bool
    """Whether the probability reaches the label's threshold. A label that never decides is never sure."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What was learned on top of the artefact: further weights of a few pieces, a number a label in the model's order.

    They are added as the artefact's own are: the sum over a text's pieces, divided by the root of their number.
    """

    weights: Mapping[str, tuple[float, ...]]
    biases: tuple[float, ...]
    version: str


@dataclass(frozen=True, slots=True)
class IntentModel:
    """The artefact made ready for guessing, and perhaps an overlay."""

    labels: tuple[Label, ...]
    thresholds: Mapping[Label, float]
    base_version: str
    scales: tuple[float, ...]
    biases: tuple[float, ...]
    places: Mapping[str, int] = field(repr=False)
    lanes: tuple["array[int]", ...] = field(repr=False)
    overlay: Overlay | None = None

    @classmethod
    def of(cls, artefact: Artefact) -> "IntentModel":
        """The model of an artefact, without an overlay."""
        return cls(
            artefact.labels,
            artefact.thresholds,
            artefact.version,
            artefact.scales,
            artefact.biases,
            dict(zip(artefact.pieces, range(len(artefact.pieces)), strict=True)),
            tuple(_packed(artefact.planes[first : first + _LANES]) for first in range(0, len(artefact.planes), _LANES)),
        )

    @property
    def version(self) -> str:
        """The artefact's version, and the overlay's behind a plus."""
        return f"{self.base_version}+{self.overlay.version}" if self.overlay else self.base_version

    def with_overlay(self, overlay: Overlay | None) -> "IntentModel":
        """The same artefact with this overlay instead of any other."""
        if overlay is not None and not all(
            len(numbers) == len(self.labels) for numbers in (overlay.biases, *overlay.weights.values())
        ):
            raise ValueError("an overlay has a number for each label of its model")
        return replace(self, overlay=overlay)

    def guess(self, text: str) -> Guess:
        """The likeliest label of `text`."""
        logits = self.logits(text)
        highest = max(logits)
        shares = [math.exp(logit - highest) for logit in logits]
        total = sum(shares)
        second, first = sorted(shares)[-2:]
        label, probability = self.labels[logits.index(highest)], first / total
        sure = probability >= self.thresholds.get(label, math.inf)
        return Guess(label, probability, (first - second) / total, sure)

    def logits(self, text: str) -> list[float]:
        """What the softmax is taken of, in the order of `labels`."""
        pieces = features(text)
        root = math.sqrt(len(pieces) or 1)
        sums = self._sums([place for place in map(self.places.get, pieces) if place is not None])
        logits = [
            bias + scale * total / root for bias, scale, total in zip(self.biases, self.scales, sums, strict=False)
        ]
        logits.append(self.biases[-1])
        return logits if self.overlay is None else _overlaid(logits, self.overlay, pieces, root)

    def _sums(self, places: list[int]) -> list[int]:
        """For each label but the last the sum of the weights at `places`, in steps of its scale."""
        sums = [-NOTHING * len(places)] * len(self.scales)
        for start in range(0, len(places), _MOST_ADDED):
            some = places[start : start + _MOST_ADDED]
            for number, lanes in enumerate(self.lanes):
                total = sum(map(lanes.__getitem__, some))
                for at in range(number * _LANES, min(number * _LANES + _LANES, len(sums))):
                    sums[at] += total & _LANE
                    total >>= _LANE_BITS
        return sums


@lru_cache(maxsize=1)
def packaged_model() -> IntentModel:
    """The model that comes with Maek, read when it is first asked for. Raises BrokenArtefact."""
    return IntentModel.of(packaged())


def _packed(planes: tuple[bytes, ...]) -> "array[int]":
    """The weights of up to four labels, a number of 64 bits a piece."""
    room = bytearray(_LANE_BYTES * len(planes[0]))
    for offset, plane in zip(_OFFSETS, planes, strict=False):
        room[offset::_LANE_BYTES] = plane
    lanes = array("Q")
    lanes.frombytes(room)
    return lanes


def _overlaid(logits: list[float], overlay: Overlay, pieces: set[str], root: float) -> list[float]:
    sums = list(overlay.biases)
    for weights in filter(None, map(overlay.weights.get, pieces)):
        for at, weight in enumerate(weights):
            sums[at] += weight / root
    return [logit + extra for logit, extra in zip(logits, sums, strict=True)]
