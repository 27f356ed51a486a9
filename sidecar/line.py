"""A straight line through what was seen lately: recursive least squares that forgets.

Rules of this file
- Pure. Lines are values; `after` gives a new one.
- Neither intercept nor slope is ever negative: more work never takes less time. Where the fit would say so, the line
  goes through the mean of the samples, flat or from the origin.
- Before there are samples there is a prior: two made-up samples of little weight, which the first real ones outweigh.
- A little of the prior is never forgotten. Samples that lie close together say nothing about a slope but by their
  noise, and without the prior that noise is what would be believed of a place far away.

Method: normal equations under exponential forgetting (Ljung and Söderström, Theory and Practice of Recursive
Identification, 1983), solved anew at each sample since they are two by two.
"""

from collections.abc import Iterable
from dataclasses import dataclass

KEPT_OF_PRIOR = 0.1
"""Of its weight. Beside thirty samples that are spread out it does not show."""


@dataclass(frozen=True, slots=True)
class Line:
    """y = intercept + slope · x, with the weighted sums it was solved from."""

    intercept: float
    slope: float
    samples: int
    weight: float
    sum_x: float
    sum_xx: float
    sum_y: float
    sum_xy: float
    beginning: "Line | None" = None
    """The prior; None in the prior itself."""

    @staticmethod
    def prior(intercept: float, slope: float, at_x: float, weight: float) -> "Line":
        """A line believed with the `weight` > 0 of that many samples at 0, and as many at `at_x` > 0."""
        y = intercept + slope * at_x
        return Line(intercept, slope, 0, 2 * weight, weight * at_x, weight * at_x**2, weight * (intercept + y),
                    weight * at_x * y)  # fmt: skip

    @property
    def mean_y(self) -> float:
        """What was seen lately on average, wherever it was seen."""
        return self.sum_y / self.weight

    @property
    def mean_x(self) -> float:
        """Where it was seen on average."""
        return self.sum_x / self.weight

    def joined(self, others: "Iterable[tuple[Line, float]]") -> "Line":
        """This line with a share (0..1) of the samples of each of the others besides its own."""
        total, sum_x, sum_xx, sum_y, sum_xy = self.weight, self.sum_x, self.sum_xx, self.sum_y, self.sum_xy
        alone = True
        for other, share in others:
            if share > 0:
                alone = False
                total += share * other.weight
                sum_x += share * other.sum_x
                sum_xx += share * other.sum_xx
                sum_y += share * other.sum_y
                sum_xy += share * other.sum_xy
        if alone:
            return self
        intercept, slope = _solved(total, sum_x, sum_xx, sum_y, sum_xy)
        return Line(intercept, slope, self.samples, total, sum_x, sum_xx, sum_y, sum_xy, self.beginning)

    def at(self, x: float) -> float:
        """The value at `x`."""
        return self.intercept + self.slope * x

    def after(self, x: float, y: float, keep: float, weight: float = 1.0) -> "Line":
        """The line once `y` ≥ 0 was seen at `x` ≥ 0. Older samples keep the part `keep` (0..1) of their weight."""
        prior = self.beginning or self
        back = (1 - keep) * KEPT_OF_PRIOR
        total = self.weight * keep + prior.weight * back + weight
        sum_x = self.sum_x * keep + prior.sum_x * back + weight * x
        sum_xx = self.sum_xx * keep + prior.sum_xx * back + weight * x * x
        sum_y = self.sum_y * keep + prior.sum_y * back + weight * y
        sum_xy = self.sum_xy * keep + prior.sum_xy * back + weight * x * y
        intercept, slope = _solved(total, sum_x, sum_xx, sum_y, sum_xy)
        return Line(intercept, slope, self.samples + 1, total, sum_x, sum_xx, sum_y, sum_xy, prior)


def _solved(total: float, sum_x: float, sum_xx: float, sum_y: float, sum_xy: float) -> tuple[float, float]:
    # The prior stands at two places and is never quite forgotten, so that the determinant is not zero.
    slope = (total * sum_xy - sum_x * sum_y) / (total * sum_xx - sum_x * sum_x)
    if slope < 0:
        return sum_y / total, 0.0
    intercept = (sum_y - slope * sum_x) / total
    return (intercept, slope) if intercept >= 0 else (0.0, sum_xy / sum_xx)
