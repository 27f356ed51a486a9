"""The last hour of every backend, for the small graphs of the status page.

Rules of this file
- Pure: it is told the time. Bounded: a point a minute, an hour of them, and a backend that is gone takes them along.
- Only people read it; nothing is decided on it. Whoever wants more has Prometheus.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

POINTS = 60
POINT_SECONDS = 60.0


@dataclass(slots=True)
class Point:
    """One minute. None: not known then."""

    level: int | None = None
    """The worst of the minute, as the numbers of `maek_backend_load`."""
    in_flight: int | None = None
    """The most of the minute."""
    ttft_ms: float | None = None
    """To the first token, as measured lately."""


@dataclass(frozen=True, slots=True)
class Look:
    """One backend at one moment."""

    name: str
    level: int | None
    in_flight: int
    ttft_ms: float | None


class History:
    """A line of points for each backend, the newest last."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Point]] = {}
        self._minute: int | None = None
        self._as_json: Mapping[str, Any] | None = None
        self.looks = 0
        """How often it was told something: whoever saw the same number has seen it all."""

    def look(self, now: float, backends: Iterable[Look]) -> None:
        """Take in how all backends are at a moment of a clock that never goes back, in seconds."""
        minute = int(now // POINT_SECONDS)
        passed = 0 if self._minute is None else minute - self._minute
        self._minute = minute
        lines: dict[str, deque[Point]] = {}
        for backend in backends:
            line = self._lines.get(backend.name)
            if line is None:
                line = deque([Point()], maxlen=POINTS)
            else:
                line.extend(Point() for _ in range(min(passed, POINTS)))
            _add(line[-1], backend)
            lines[backend.name] = line
        self._lines = lines
        self._as_json = None
        self.looks += 1

    def as_json(self) -> Mapping[str, Any]:
        """Every backend's points, the oldest first; the last one is of the minute that still runs. Made once for all
        listeners."""
        if self._as_json is None:
            self._as_json = {name: _line_json(line) for name, line in self._lines.items()}
        return self._as_json


def _line_json(line: Iterable[Point]) -> dict[str, Any]:
    points = list(line)
    return {
        "level": [point.level for point in points],
        "in_flight": [point.in_flight for point in points],
        "ttft_ms": [point.ttft_ms for point in points],
    }


def _add(point: Point, look: Look) -> None:
    if look.level is not None:
        point.level = max(look.level, point.level or 0)
    point.in_flight = max(look.in_flight, point.in_flight or 0)
    if look.ttft_ms is not None:
        point.ttft_ms = look.ttft_ms
