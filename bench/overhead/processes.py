"""Processes on cores: started, watched, ended.

Rules of this file
- Only processes that were started here are ended, by their id.
- CPU time is the scheduler's own account in nanoseconds (/proc/PID/task/TID/schedstat); the kernel's usual
  account counts ticks of 10 ms, which is too coarse for a cell of two seconds.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

# What a well-behaved process needs to end; after it the process is killed.
_ENDING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Cores:
    """Where the measured proxy runs, and where the backend and the client do."""

    proxy: int
    load: int

    @property
    def shared(self) -> bool:
        """There is only one core: the client takes time from what it measures."""
        return self.proxy == self.load


def pick_cores() -> Cores:
    """The first two cores that this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(proxy=usable[0], load=usable[min(1, len(usable) - 1)])


@contextmanager
def started_on(
    core: int, command: Sequence[str], log: IO[bytes], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process pinned to a core from its first instruction, with its children, until the end of the block."""
    with pinned(core):
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
    try:
        yield process
    finally:
        _end(process)


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started in this block inherits the core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _end(process: subprocess.Popen[bytes]) -> None:
    family = _tree(process.pid)
    process.terminate()
    _, alive = psutil.wait_procs(family, timeout=_ENDING_SECONDS)
    for left in alive:
        with suppress(psutil.NoSuchProcess):
            left.kill()
    process.wait()


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its descendants so far."""
    return sum(_own_cpu_seconds(process) for process in _tree(pid))


def _own_cpu_seconds(process: psutil.Process) -> float:
    with suppress(OSError):
        accounts = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
        return sum(int(account.read_text().split()[0]) for account in accounts) / 1e9
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants. Pages that they share count for each."""
    total = 0
    for process in _tree(pid):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def busy_seconds(core: int) -> float:
    """How long a core has worked for anyone since it started."""
    times = psutil.cpu_times(percpu=True)[core]
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def wait_until_exit(process: subprocess.Popen[str], every_seconds: float) -> Iterator[None]:
    """Yields now and then while a process runs."""
    while process.poll() is None:
        yield
        time.sleep(every_seconds)
