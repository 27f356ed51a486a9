"""`maek sim` and `maek serve` as processes of their own, on free ports of 127.0.0.1.

Rules of this file
- Only processes that were started here are ended, by their id, and all of them, however the block is left.
- A process says its address itself, so that no port is looked for beforehand and lost to somebody else.
- A process that does not start, or ends by itself, is an error with its own last words.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.balance.fleets import Fleet, Host
from bench.balance.live.prompts import MODEL
from bench.balance.live.troubles import preset_of

_PROJECT = Path(__file__).parents[3]
_MAEK = (sys.executable, "-m", "router")
_STARTING_SECONDS = 30.0
"""For what takes one second on an idle machine."""
_ENDING_SECONDS = 15.0
"""`maek serve` lets chats end for ten seconds; after this the process is killed."""
_LAST_WORDS_CHARACTERS = 600
_ADDRESS = re.compile(r"(?:maek sim:|Maek listens on) (http://127\.0\.0\.1:\d+)")


class Ended(Exception):
    """A process did not start, or ended by itself. The message has its last words."""


@dataclass(frozen=True, slots=True)
class Program:
    """A process that runs."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raises Ended if it is not there any more."""
        if self.process.poll() is not None:
            raise Ended(f"{self.name} ended: {self._last_words()}")

    def url(self) -> str:
        """The address that it says, as soon as it says it. Raises Ended."""
        deadline = time.monotonic() + _STARTING_SECONDS
        while time.monotonic() < deadline:
            found = _ADDRESS.search(self.log.read_text("utf-8", errors="replace"))
            if found is not None:
                return found[1]
            self.check()
            time.sleep(0.02)
        raise Ended(f"{self.name} did not start within {_STARTING_SECONDS:.0f} s: {self._last_words()}")

    def _last_words(self) -> str:
        return self.log.read_text("utf-8", errors="replace")[-_LAST_WORDS_CHARACTERS:].strip() or "it said nothing"


@contextmanager
def programs(folder: Path, commands: Sequence[tuple[str, Sequence[str]]]) -> Iterator[tuple[Program, ...]]:
    """Several `maek` commands, by name and arguments, until the end of the block; they write into `folder` alone."""
    environment = {
        **os.environ, "PYTHONPATH": str(_PROJECT), "PYTHONUNBUFFERED": "1", "MAEK_DATA_DIR": str(folder),
    }  # fmt: skip
    running: list[Program] = []
    try:
        for number, (name, arguments) in enumerate(commands):
            log = folder / f"{arguments[0]}-{number}.log"
            with log.open("wb") as said:
                process = subprocess.Popen(
                    [*_MAEK, *arguments], stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                    env=environment, cwd=folder,
                )  # fmt: skip
            running.append(Program(name, process, log))
        yield tuple(running)
    finally:
        _end([program.process for program in running])


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _ENDING_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in processes:
        process.kill()
        process.wait()


def simulators(fleet: Fleet, folder: Path) -> AbstractContextManager[tuple[Program, ...]]:
    """One `maek sim` for each host. Raises Unplayable for a host that is no preset."""
    return programs(folder, [(host.name, sim_arguments(host)) for host in fleet])


def sim_arguments(host: Host) -> list[str]:
    """What to call `maek` with, so that it is this host."""
    arguments = ["sim", "--listen", "127.0.0.1:0", "--engine", host.engine.value, "--model", MODEL]
    arguments += ["--preset", preset_of(host), "--slots", str(host.profile.slots)]
    if host.cold_start_seconds:
        arguments += ["--cold-start-seconds", str(host.cold_start_seconds)]
        arguments += ["--keep-alive-seconds", str(host.keep_alive_seconds)]
    return arguments
