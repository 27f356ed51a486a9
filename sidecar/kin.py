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
    first_seen, later_seen = forecast.first_seen, forecast.later_seen
    known = list(others)
    first = first_seen.joined((other.first_seen, likeness(first_seen, other.first_seen)) for other in known)
    later = later_seen.joined((other.later_seen, likeness(later_seen, other.later_seen)) for other in known)
    return replace(forecast, first=first, later=later)


def likeness(one: Line, other: Line) -> float:
    """How much two lines that were fitted apart agree where each has its samples, 0..1."""
    if one.samples < TRUSTED_SAMPLES or other.samples < TRUSTED_SAMPLES:
        return 0.0
    apart = _apart(one, other)
    if apart < FAR:
        apart = max(apart, _apart(other, one))
    return exp(-((apart / ALIKE) ** 2)) if apart < FAR else 0.0


def _apart(seen: Line, predicting: Line) -> float:
    mean_y, predicted = seen.mean_y, predicting.at(seen.mean_x)
    return abs(log(mean_y / predicted)) if mean_y > 0 and predicted > 0 else FAR
