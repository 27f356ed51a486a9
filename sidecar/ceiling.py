"""How many requests a backend takes before others wait there, as its own statistics have shown.

Rules of this file
- Pure. Only the server's own word counts (so many run, so many wait, at one moment), never what we think of its speed:
  people are turned away by this.
- Whoever waits for the next step of a batch, or for the prompts of that step, has found the server busy, not full. It
  is full while more wait than that, in all that it says for a while.
- It is looked for as TCP looks for its window: full says how many fit, and as long as nobody waits more are tried.
"""

from dataclasses import dataclass, replace

from sidecar.engines.engine import Reading

LASTING_SECONDS = 3.0
"""Three readings at the usual pace. Prompts that came together are through by then; whoever still waits, waits for
others to end."""
PART_IN_PASSING = 1 / 16
"""Of those that run: so many come within one step where answers are as short as a line."""
SPARE_PART = 1 / 8
"""More than fit, that are sent all the same: with nobody at its door a server would be idle from each end to our next
request, and nobody would ever see that more fit by now."""
TIMES_MORE = 1.25
GROW_SECONDS = 1.0
"""How much more is tried, and how often: those that were held back for nothing are through within seconds."""
FORGOTTEN_SECONDS = 60.0
"""After so long without a wait nobody knows any more."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What was seen of one backend since somebody last had to wait there."""

    waits_since: float | None
    """From when on all readings said that requests wait; None: the last one said that none do."""
    at: float
    """When it was changed last."""
    full_at: float
    """When requests were last seen to wait."""
    requests: float | None = None
    """So many run at once; None as long as no wait has lasted."""

    @property
    def spare(self) -> float:
        """How many more than `requests` may be sent."""
        return (self.requests or 0.0) * SPARE_PART


def after_reading(known: Ceiling | None, at: float, reading: Reading) -> Ceiling | None:
    """What is known of the ceiling once the backend has said at `at` how much it works on."""
    running, waiting = reading.running, reading.waiting
    if not running or waiting is None:
        return known  # who works on nothing does not wait for others to end
    if waiting >= max(1.0, PART_IN_PASSING * running):
        return _with_wait(known, at, running)
    if known is None or at - known.full_at > FORGOTTEN_SECONDS:
        return None
    known = replace(known, waits_since=None)
    if known.requests is None or running < known.requests or at - known.at < GROW_SECONDS:
        return known
    return replace(known, at=at, requests=max(float(running), TIMES_MORE * known.requests))


def _with_wait(known: Ceiling | None, at: float, running: int) -> Ceiling:
    if known is None or known.waits_since is None:
        return Ceiling(at, at, at, None if known is None else known.requests)
    lasts = at - known.waits_since >= LASTING_SECONDS
    return replace(known, at=at, full_at=at, requests=float(running) if lasts else known.requests)
