"""How often a backend that is full has done with a request, as it was seen.

Rules of this file
- Pure. What follows from speeds and lengths is reckoned in `sidecar.outlook`; here things are counted.
- Only the time between two ends counts during which all that fit were there: a server that idles ends less.
"""

from dataclasses import dataclass, replace

REFILL_SECONDS = 0.25
"""Whoever is called from the line is there by then; a place that stays free for longer was wanted by nobody."""
MOST_COUNTED = 20
"""Ends whose mean it is: they come in clumps, and what was so a minute ago may be over."""
TRUSTED_ENDS = 8
FRESH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Turnover:
    """The ends of requests on one backend, while it was full."""

    seconds: float = 0.0
    """Between two ends, on average, those of others' requests included."""
    counted: int = 0
    full_since: float | None = None
    """The last end, if it has been full since then; None where it has not."""
    at: float = 0.0
    """Of the last end that counted."""

    def ends_per_second(self, now: float) -> float | None:
        """None where too little was seen, or too long ago."""
        if self.counted < TRUSTED_ENDS or not self.seconds or now - self.at > FRESH_SECONDS:
            return None
        return 1 / self.seconds

    def after_start(self, at: float, *, full: bool) -> "Turnover":
        """A request was sent to a backend that was `full`, or not."""
        if full or self.full_since is None or at - self.full_since <= REFILL_SECONDS:
            return self
        return replace(self, full_since=None)

    def after_end(self, at: float, *, full: bool, share: float) -> "Turnover":
        """A request of ours ended where it was `full` with it, or not; so large a part of those there is ours."""
        if not full:
            return self if self.full_since is None else replace(self, full_since=None)
        if self.full_since is None:
            return replace(self, full_since=at)
        weight = 1 / min(self.counted + 1, MOST_COUNTED)
        seconds = self.seconds + weight * (share * (at - self.full_since) - self.seconds)
        return Turnover(seconds, self.counted + 1, at, at)


NO_TURNOVER = Turnover()
