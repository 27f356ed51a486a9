"""Whether the machine itself was what limited: CPU time, and how late requests left.

Rules of this file
- Every process here does its work on one core at a time, so that the busiest process counts beside the whole machine.
- CPU time of processes is the scheduler's account; that of cores is what anybody used of them.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.balance.scoring import percentile
from bench.overhead.processes import busy_seconds, cpu_seconds

MOST_RATIO = 0.8
"""Above this part of a core, or of all of them, waiting for the CPU is no longer small beside what is measured."""
MOST_LATE_SECONDS = 0.05
"""Requests that leave later than this are not those of the traffic any more."""
OWN = "the bench itself"


@dataclass(frozen=True, slots=True)
class Noise:
    """Of one run. Ratios are 0..1."""

    machine_ratio: float
    """Of all cores that the bench may use, by whomever."""
    others_ratio: float
    """The part of that which no process of the bench used."""
    busiest_ratio: float
    """Of one core, by the busiest process of the bench."""
    busiest: str
    late_p99_seconds: float
    """How late requests left."""

    @property
    def warning(self) -> str | None:
        """What is wrong with the run, if something is."""
        if self.machine_ratio > MOST_RATIO:
            return f"{self.machine_ratio:.0%} of the CPU was in use, {self.others_ratio:.0%} by others than the bench"
        if self.busiest_ratio > MOST_RATIO:
            return f"{self.busiest} used {self.busiest_ratio:.0%} of a core: ask less by --rate"
        if self.late_p99_seconds > MOST_LATE_SECONDS:
            return f"requests left up to {1000 * self.late_p99_seconds:.0f} ms late"
        return None


class Meter:
    """Looks at the CPU from now until `read`. `pids`: the processes of the run besides this one, by name."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._cores = sorted(os.sched_getaffinity(0))
        self._began = time.monotonic()
        self._busy = self._busy_seconds()
        self._used = self._used_seconds()

    def read(self, late_seconds: Sequence[float]) -> Noise:
        """What it came to."""
        elapsed = max(1e-9, time.monotonic() - self._began)
        used = {name: seconds - self._used[name] for name, seconds in self._used_seconds().items()}
        # The kernel counts in ticks, and some of them late.
        machine = min(1.0, (self._busy_seconds() - self._busy) / elapsed / len(self._cores))
        busiest = max(used, key=used.__getitem__)
        return Noise(
            machine,
            max(0.0, machine - sum(used.values()) / elapsed / len(self._cores)),
            used[busiest] / elapsed,
            busiest,
            percentile(late_seconds, 0.99),
        )

    def _busy_seconds(self) -> float:
        return sum(map(busy_seconds, self._cores))

    def _used_seconds(self) -> dict[str, float]:
        return {OWN: time.process_time()} | {name: cpu_seconds(pid) for name, pid in self._pids.items()}
