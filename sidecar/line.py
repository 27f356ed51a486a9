"""A straight line through what was seen lately: recursive least squares that forgets.

Rules of this file
- Pure. Lines are values; `after` gives a new one.
- Neither intercept nor slope is ever negative: more work never takes less time. Where the fit would say so, the line
  goes through the mean of the samples, flat or from the origin.
- Before there are samples there is a prior: two made-up samples of little weight, which the first real ones outweigh.

Method: normal equations under exponential forgetting (Ljung and Söderström, Theory and Practice of Recursive
Identification, 1983), solved anew at each sample since they are two by two.
"""

from dataclasses import dataclass

SINGULAR = 1e-9
"""Relative determinant below which all samples lie at one place, and tell nothing about a slope."""


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

    @staticmethod
    def prior(intercept: float, slope: float, at_x: float, weight: float) -> "Line":
        """A line believed with the `weight` of that many samples at 0, and as many at `at_x` > 0."""
        y = intercept + slope * at_x
        return Line(intercept, slope, 0, 2 * weight, weight * at_x, weight * at_x**2, weight * (intercept + y),
                    weight * at_x * y)  # fmt: skip

    def at(self, x: float) -> float:
        """The value at `x`."""
        return self.intercept + self.slope * x

    def after(self, x: float, y: float, keep: float, weight: float = 1.0) -> "Line":
        """The line once `y` ≥ 0 was seen at `x` ≥ 0. Older samples keep the part `keep` (0..1) of their weight."""
        total = self.weight * keep + weight
        sum_x = self.sum_x * keep + weight * x
        sum_xx = self.sum_xx * keep + weight * x * x
        sum_y = self.sum_y * keep + weight * y
        sum_xy = self.sum_xy * keep + weight * x * y
        intercept, slope = _solved(total, sum_x, sum_xx, sum_y, sum_xy, self)
        return Line(intercept, slope, self.samples + 1, total, sum_x, sum_xx, sum_y, sum_xy)


def _solved(
    total: float, sum_x: float, sum_xx: float, sum_y: float, sum_xy: float, before: Line
) -> tuple[float, float]:
    determinant = total * sum_xx - sum_x * sum_x
    if determinant <= SINGULAR * total * sum_xx or total <= 0:
        # All at one place: the slope stays what it was, the line moves to the mean.
        slope = before.slope
        intercept = (sum_y - slope * sum_x) / total
        return (intercept, slope) if intercept >= 0 else (0.0, sum_y / sum_x)
    slope = (total * sum_xy - sum_x * sum_y) / determinant
    if slope < 0:
        return sum_y / total, 0.0
    intercept = (sum_y - slope * sum_x) / total
    return (intercept, slope) if intercept >= 0 else (0.0, sum_xy / sum_xx)
