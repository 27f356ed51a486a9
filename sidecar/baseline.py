"""What a backend's health latency usually is.

Rules of this file
- Pure. Only good probes come here; the caller knows which those are.
- Milliseconds, unrounded: rounding is for showing.
"""

from dataclasses import dataclass

UNKNOWN_MS = 50.0
"""Assumed before the first sample: a slow answer in a quiet local network."""
FLOOR_MS = 10.0
"""Never less: multiples of a 1 ms baseline would call ordinary jitter a trouble."""
WARM_UP_SAMPLES = 4
"""The first samples only raise the baseline: one quick answer at the start must not make the next ones look slow."""
WEIGHT_OF_NEW = 0.1


@dataclass(frozen=True, slots=True)
class Baseline:
    """The usual latency after `samples` good probes."""

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
