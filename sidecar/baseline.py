"""What a backend's health latency usually is: as the seed reckons it, and robustly.

Rules of this file
- Pure. Only good probes come here; the caller knows which those are, and whether the backend was quiet.
- Milliseconds, unrounded: rounding is for showing.
"""

from dataclasses import dataclass, replace
from statistics import median

UNKNOWN_MS = 50.0
"""Assumed before the first sample: a slow answer in a quiet local network."""
FLOOR_MS = 10.0
"""Never less: multiples of a 1 ms baseline would call ordinary jitter a trouble."""
WARM_UP_SAMPLES = 4
"""The first samples only raise the baseline: one quick answer at the start must not make the next ones look slow."""
WEIGHT_OF_NEW = 0.1


@dataclass(frozen=True, slots=True)
class Baseline:
    """The usual latency after `samples` good probes, by the seed's rules."""

    value_ms: float = UNKNOWN_MS
    samples: int = 0

    def after(self, latency_ms: float) -> "Baseline":
        """The baseline once one more good probe took `latency_ms`.

        The larger of both during warm-up, then an exponential moving average; never under `FLOOR_MS`.
        """
        if self.samples == 0:
            value_ms = latency_ms
        elif self.samples < WARM_UP_SAMPLES:
            value_ms = max(self.value_ms, latency_ms)
        else:
            value_ms = (1 - WEIGHT_OF_NEW) * self.value_ms + WEIGHT_OF_NEW * latency_ms
        return Baseline(max(FLOOR_MS, value_ms), self.samples + 1)


WINDOW_SAMPLES = 64
"""Half an hour of probes at the usual pace."""
ENOUGH_SAMPLES = 4
"""Fewer than these say too little of the spread; as many as a shift leaves."""
SIGMAS_PER_MAD = 1.4826
"""The median absolute deviation of a normal distribution, times this, is its standard deviation."""
LEAST_SPREAD_RATIO, LEAST_SPREAD_MS = 0.05, 0.2
"""Latencies are rounded to 0.1 ms: without a least spread, a constant one would take any change for a shift."""
SLACK_SPREADS = 0.5
SHIFT_SPREADS = 8.0
MOST_SPREADS = 3.0
"""What one sample may add to the suspicion of a shift: it takes four in a row, and no outlier does it alone."""


@dataclass(frozen=True, slots=True)
class IdleBaseline:
    """What a good probe takes while nothing is in flight: median and spread of the last ones, milliseconds.

    A lasting shift is found by the test of Page and Hinkley in both directions (Page, Biometrika 1954): what exceeds
    the median by more than half a spread is summed up, and from eight spreads on the samples since the sum was zero are
    all that counts. A spread is the median absolute deviation.
    """

    window: tuple[float, ...] = ()
    median_ms: float = UNKNOWN_MS
    spread_ms: float = 0.0
    above: float = 0.0
    below: float = 0.0
    """Suspicions of a shift upwards and downwards, in spreads."""
    since_above: int = 0
    since_below: int = 0
    """Samples since each of them was zero."""
    shifts: int = 0
    """How often the baseline was taken anew."""

    @property
    def known(self) -> bool:
        """Whether there are enough samples to go by."""
        return len(self.window) >= ENOUGH_SAMPLES

    @property
    def deviation_ms(self) -> float:
        """Standard deviation as the spread tells it; 0 while too little is known."""
        return SIGMAS_PER_MAD * self.spread_ms if self.known else 0.0

    def after(self, latency_ms: float) -> "IdleBaseline":
        """The baseline once one more good probe of the quiet backend took `latency_ms`."""
        window = (*self.window, latency_ms)[-WINDOW_SAMPLES:]
        if not self.known:
            return _over(window, self.shifts)
        step = (latency_ms - self.median_ms) / self.spread_ms
        step = max(-MOST_SPREADS, min(MOST_SPREADS, step))
        above = max(0.0, self.above + step - SLACK_SPREADS)
        below = max(0.0, self.below - step - SLACK_SPREADS)
        since_above = self.since_above + 1 if above else 0
        since_below = self.since_below + 1 if below else 0
        if above > SHIFT_SPREADS or below > SHIFT_SPREADS:
            since = since_above if above > SHIFT_SPREADS else since_below
            return _over(window[-max(since, 1) :], self.shifts + 1)
        known = _over(window, self.shifts)
        return replace(known, above=above, below=below, since_above=since_above, since_below=since_below)


def _over(window: tuple[float, ...], shifts: int) -> IdleBaseline:
    middle = median(window)
    spread = median(abs(latency_ms - middle) for latency_ms in window)
    least = max(LEAST_SPREAD_MS, LEAST_SPREAD_RATIO * middle)
    return IdleBaseline(window, middle, max(spread, least), shifts=shifts)
