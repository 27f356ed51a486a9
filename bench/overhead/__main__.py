"""The command: starts everything, measures in turns, prints the table.

    python -m bench.overhead [--cells json-1,slow] [--peers direct,maek] [--rounds 3] [--json FILE]

Rules of this file
- All peers are measured in one run and take turns cell by cell, in an order that moves on each round: what
  the machine does besides then falls on all of them. Numbers of two runs do not compare.
"""

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from bench.overhead.build import built
from bench.overhead.cells import CELLS
from bench.overhead.measure import Load, Sample, last_words, wait_until_ready
from bench.overhead.peers import DIRECT, MAEK, PEERS, PROJECT, Peer, Place, Unavailable, free_port
from bench.overhead.processes import Cores, pick_cores, resident_bytes, started_on
from bench.overhead.table import notes, table


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that serves."""

    port: int
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None
    idle_bytes: int | None = None

    @property
    def pid(self) -> int | None:
        """None for the mock itself, which is not measured."""
        return self.process.pid if self.process else None


def main() -> int:
    """Returns the exit status: 1 when Maek, or a peer asked for by name, was not measured; 2 when nothing was."""
    arguments = _arguments()
    if sys.platform != "linux" or shutil.which("gcc") is None:
        print("This needs Linux (epoll, /proc) and gcc: `apt-get install gcc libc6-dev`.", file=sys.stderr)
        return 2
    _allow_many_sockets()
    cores = pick_cores()
    missing: dict[str, str] = {}
    results: dict[tuple[str, str], list[Sample]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="overhead-")))
        backend_port = _start_mock(folder, cores, stack)
        load = Load(built("client", folder), cores)
        running = _start_peers(arguments.peers or list(PEERS), backend_port, folder, cores, stack, missing)
        for peer in running.values():
            load.warm_up(peer.port)
        for round_number in range(arguments.rounds if running else 0):
            _measure_round(round_number, arguments.cells, running, load, results)
        missing |= _ended_on_the_way(running)
    idle_bytes = {name: peer.idle_bytes for name, peer in running.items() if peer.idle_bytes}
    print("\n" + table(results, idle_bytes))
    _print_notes(results, missing, cores, arguments.rounds)
    if arguments.json:
        arguments.json.write_bytes(_as_json(results, idle_bytes, missing, cores))
    return 1 if MAEK in missing or (arguments.peers and missing) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=_names(CELLS), default=list(CELLS), help=", ".join(CELLS))
    parser.add_argument("--peers", type=_names(PEERS), help=", ".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3, help="how often each cell is measured (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    return parser.parse_args()


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A parser of `a,b` that accepts these names only."""

    def parsed(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name} is not one of {', '.join(known)}")
        return names

    return parsed


def _allow_many_sockets() -> None:
    # A thousand streams are two thousand sockets in a proxy; the usual soft limit is 1024.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _start_mock(folder: Path, cores: Cores, stack: ExitStack) -> int:
    said = folder / "mock.out"
    log = stack.enter_context(said.open("wb"))
    process = stack.enter_context(started_on(cores.load, [str(built("mock", folder))], log))
    while not said.read_text().endswith("\n"):
        if process.poll() is not None:
            raise SystemExit(f"The mock backend did not start: {said.read_text()}")
    return int(said.read_text())


def _start_peers(
    names: Sequence[str],
    backend_port: int,
    folder: Path,
    cores: Cores,
    stack: ExitStack,
    missing: dict[str, str],
) -> dict[str, Running]:
    running: dict[str, Running] = {}
    for name in names:
        peer = PEERS[name]
        if peer is None:
            running[name] = Running(backend_port)
            continue
        place = Place(free_port(), backend_port, folder / name)
        try:
            running[name] = _start(peer, place, cores, stack)
        except Unavailable as reason:
            missing[name] = str(reason)
    return running


def _start(peer: Peer, place: Place, cores: Cores, stack: ExitStack) -> Running:
    place.folder.mkdir()
    command, said = peer.command(place), place.folder / "log"
    environment = {"PYTHONPATH": str(PROJECT), "MAEK_DATA_DIR": str(place.folder)}
    log = stack.enter_context(said.open("wb"))
    process = stack.enter_context(started_on(cores.proxy, command, log, environment))
    wait_until_ready(process, place.port, peer.ready_path, said)
    return Running(place.port, process, said, resident_bytes(process.pid))


def _measure_round(
    number: int,
    cells: Sequence[str],
    running: dict[str, Running],
    load: Load,
    results: dict[tuple[str, str], list[Sample]],
) -> None:
    names = list(running)
    order = names[number % len(names) :] + names[: number % len(names)]
    for cell in cells:
        for name in order:
            print(f"round {number + 1}: {cell} {name}", file=sys.stderr, flush=True)
            sample = load.run(CELLS[cell], running[name].port, running[name].pid)
            results.setdefault((cell, name), []).append(sample)


def _ended_on_the_way(running: dict[str, Running]) -> dict[str, str]:
    return {
        name: f"It ended on the way. {last_words(peer.log)}"
        for name, peer in running.items()
        if peer.process and peer.log and peer.process.poll() is not None
    }


def _print_notes(
    results: dict[tuple[str, str], list[Sample]], missing: dict[str, str], cores: Cores, rounds: int
) -> None:
    where = f"proxies on core {cores.proxy}, backend and client on core {cores.load}"
    print(f"\nMedians of {rounds} rounds; {where}; Python {platform.python_version()}, {platform.machine()}.")
    print(f"`added`: over {DIRECT}. `noise`: share of the proxy's core that others used.")
    if cores.shared:
        print("There is only one core: proxy and load take time from each other. Trust the CPU figures only.")
    for note in notes(results):
        print(note)
    for name, reason in missing.items():
        print(f"{name} was not measured to the end. {reason}")


def _as_json(
    results: dict[tuple[str, str], list[Sample]], idle_bytes: dict[str, int], missing: dict[str, str], cores: Cores
) -> bytes:
    document = {
        "machine": {"python": sys.version, "kernel": os.uname().release, "cores": asdict(cores)},
        "missing": missing,
        "idle_bytes": idle_bytes,
        "samples": [
            {"cell": cell, "peer": peer, "round": number, **asdict(sample)}
            for (cell, peer), samples in results.items()
            for number, sample in enumerate(samples, start=1)
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


if __name__ == "__main__":
    sys.exit(main())
