"""Machines that are alike learn from one another: what one measured counts for the other, as far as they agree.

Rules of this file
- Pure. Likeness is not configured but measured, and anew each time: as soon as one of them slows down, it stands alone.
- Among unlike machines nothing is borrowed, and nothing is lost.

Four equal machines that each trust their own few samples alone differ by chance, and a router that believes the
differences fills one and starves the other. So the samples of others count too, the more so the better the line
through one's own samples predicts theirs (partial pooling: Gelman and Hill, Data Analysis Using Regression, 2007).
"""

from collections.abc import Iterable
from dataclasses import replace
from math import exp, log

from sidecar.line import Line
from sidecar.predict import TRUSTED_SAMPLES, Forecast

ALIKE = 0.15
"""Log ratio of two speeds at which a machine takes a third of the other's samples: 15 %."""
FAR = 0.4
"""Beyond it, nothing."""


def with_kin(forecast: Forecast, others: Iterable[Forecast]) -> Forecast:
    """The forecast, with what others like it have measured."""
    first, later = forecast.first_seen, forecast.later_seen
    for other in others:
        first = first.joined(other.first_seen, likeness(forecast.first_seen, other.first_seen))
        later = later.joined(other.later_seen, likeness(forecast.later_seen, other.later_seen))
    return replace(forecast, first=first, later=later)


def likeness(one: Line, other: Line) -> float:
    """How much two lines that were fitted apart agree where each has its samples, 0..1."""
    if one.samples < TRUSTED_SAMPLES or other.samples < TRUSTED_SAMPLES:
        return 0.0
    apart = max(_apart(one, other), _apart(other, one))
    return exp(-((apart / ALIKE) ** 2)) if apart < FAR else 0.0


def _apart(seen: Line, predicting: Line) -> float:
    predicted = predicting.at(seen.mean_x)
    return abs(log(seen.mean_y / predicted)) if seen.mean_y > 0 and predicted > 0 else FAR
