"""One peer under one load → one sample.

Rules of this file
- CPU and memory are those of the proxy alone, with its children; the load has its own core.
- Everything that the proxy did from the first to the last byte of a cell is divided by everything that was
  answered; nothing is cut off.
"""

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import orjson

from bench.overhead.cells import Cell, Unit
from bench.overhead.peers import Unavailable
from bench.overhead.processes import Cores, busy_seconds, cpu_seconds, pinned, resident_bytes, wait_until_exit

# Routers with a health loop may want to see their backend first.
_READY_SECONDS = 30.0
_MEMORY_EVERY_SECONDS = 0.2
# Fills pools and caches before anything counts.
_WARM_UP = ("4", "0.4", "0", "0", "0"), ("4", "0.4", "5", "0", "0")


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of one cell showed. Fields that do not apply are None (`direct` has no process)."""

    answers: int
    failures: int
    why: str | None
    """Of the first failure."""
    per_second: float
    """Units (requests or chunks) that arrived in a second."""
    p50_us: float | None
    p99_us: float | None
    cpu_us: float | None
    """CPU time of the proxy for one unit."""
    resident_peak_bytes: int | None
    foreign_ratio: float
    """Share of the proxy's core that was taken by anyone else. Over 0.1 the delays are not to be trusted."""


@dataclass(frozen=True, slots=True)
class Load:
    """The client and where it is pinned."""

    client: Path
    cores: Cores

    def run(self, cell: Cell, port: int, proxy_pid: int | None) -> Sample:
        """Puts the load on whoever listens on `port`, while watching `proxy_pid`."""
        cpu_before = cpu_seconds(proxy_pid) if proxy_pid else 0.0
        busy_before, began = busy_seconds(self.cores.proxy), time.monotonic()
        peak_bytes = 0
        with self._client(port, *cell.client_arguments()) as client:
            for _ in wait_until_exit(client, _MEMORY_EVERY_SECONDS):
                peak_bytes = max(peak_bytes, resident_bytes(proxy_pid) if proxy_pid else 0)
            report = orjson.loads(client.stdout.read() if client.stdout else "")
        cpu = (cpu_seconds(proxy_pid) if proxy_pid else 0.0) - cpu_before
        busy, lasted = busy_seconds(self.cores.proxy) - busy_before, time.monotonic() - began
        units = report["answers"] if cell.unit is Unit.REQUEST else report["chunks"]
        delays = report.get(cell.delay, {})
        return Sample(
            answers=report["answers"],
            failures=report["failures"],
            why=report.get("why"),
            per_second=units / report["seconds"],
            p50_us=delays.get("p50"),
            p99_us=delays.get("p99"),
            cpu_us=cpu * 1e6 / units if proxy_pid and units else None,
            resident_peak_bytes=peak_bytes or None,
            foreign_ratio=max(0.0, busy - cpu) / lasted,
        )

    def warm_up(self, port: int) -> None:
        """A little of everything, not counted."""
        for arguments in _WARM_UP:
            with self._client(port, *arguments) as client:
                client.communicate()

    def _client(self, port: int, *arguments: str) -> subprocess.Popen[str]:
        with pinned(self.cores.load):
            return subprocess.Popen(
                [str(self.client), str(port), *arguments, "mock"], stdout=subprocess.PIPE, text=True
            )


def wait_until_ready(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    """Returns once the peer answers 200. Raises `Unavailable` with the end of its log if it does not."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{port}{path}", timeout=1.0) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    how = "ended" if process.poll() is not None else f"was not ready after {_READY_SECONDS:.0f} s"
    raise Unavailable(f"It {how}. {last_words(log)}")


def last_words(log: Path) -> str:
    """The end of what a process wrote, on one line."""
    lines = log.read_text(errors="replace").strip().splitlines()[-3:]
    return f"Its last words: {' | '.join(lines) or 'none'}"
