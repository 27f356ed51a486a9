"""What was predicted of first tokens, beside what came: lately, over our own streams on one backend.

Rules of this file
- Pure, and for people alone: forecasts learn in `sidecar.predict`, from more than this.
- Both averages are over the same streams, so that the one can be held against the other. Seconds.
"""

from dataclasses import dataclass

WEIGHT_OF_NEW = 0.2
"""Some ten streams count: what a person who looks would call "now"."""


@dataclass(frozen=True, slots=True)
class FirstTokens:
    """Moving averages; None before there was one."""

    measured_seconds: float | None = None
    predicted_seconds: float | None = None
    """What whoever chose the backend reckoned with."""
    at: float | None = None
    """When the last one came."""

    def after(self, at: float, measured_seconds: float, predicted_seconds: float | None) -> "FirstTokens":
        """Once another first token came. None predicted: nobody had reckoned."""
        measured = _moved(self.measured_seconds, measured_seconds)
        if predicted_seconds is None:
            return FirstTokens(measured, self.predicted_seconds, at)
        return FirstTokens(measured, _moved(self.predicted_seconds, predicted_seconds), at)


NO_FIRST_TOKENS = FirstTokens()


def _moved(known: float | None, new: float) -> float:
    return new if known is None else known + WEIGHT_OF_NEW * (new - known)
