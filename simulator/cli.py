"""`maek sim`: the simulator on the command line.

Rules of this file
- Arguments in, settings out; serving is `app`'s. A mistake is one sentence and exit code 2.
"""

import argparse
import asyncio
import signal
import sys

from simulator.app import serving
from simulator.faults import KINDS, Fault, FaultError, parse_fault
from simulator.profiles import PRESETS
from simulator.settings import Engine, SettingsError, SimSettings

DEFAULTS = SimSettings()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the simulator's options to `parser`."""
    parser.add_argument(
        "--engine", choices=[engine.value for engine in Engine], default=DEFAULTS.engine.value,
        help="which server to be (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--listen", metavar="HOST:PORT", type=_read_listen, default=("127.0.0.1", 8000),
        help="where to listen; port 0 takes a free one (default: 127.0.0.1:8000)",
    )  # fmt: skip
    parser.add_argument(
        "--model", action="append", metavar="NAME",
        help=f"a model to serve; may be repeated (default: {' '.join(DEFAULTS.models)})",
    )  # fmt: skip
    parser.add_argument(
        "--preset", choices=sorted(PRESETS), default="demo",
        help="how fast the machine is (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--slots", type=int, metavar="N", help="requests at once (default: the preset's)")
    parser.add_argument("--max-queue", type=int, metavar="N", help="requests that may wait for a slot")
    parser.add_argument(
        "--cold-start-seconds", type=float, metavar="S", default=DEFAULTS.cold_start_seconds,
        help="how long a model loads (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--keep-alive-seconds", type=float, metavar="S", help="how long an idle model stays in memory")
    parser.add_argument(
        "--fault", action="append", default=[], type=_read_fault, metavar="NAME[:KEY=VALUE,…]",
        help=f"a fault that holds from the start; may be repeated. Names: {', '.join(KINDS)}",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        settings = SimSettings(
            engine=Engine(args.engine),
            models=tuple(args.model or DEFAULTS.models),
            preset=args.preset,
            slots=args.slots,
            max_queue=args.max_queue,
            cold_start_seconds=args.cold_start_seconds,
            keep_alive_seconds=args.keep_alive_seconds,
            faults=tuple(args.fault),
        )
    except SettingsError as error:
        print(f"maek sim: {error}", file=sys.stderr)
        return 2
    host, port = args.listen
    try:
        asyncio.run(_serve(settings, host, port))
    except OSError as error:
        print(f"maek sim: cannot listen on {host}:{port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


async def _serve(settings: SimSettings, host: str, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serving(settings, host, port) as url:
        who = f"engine={settings.engine} preset={settings.preset} models={','.join(settings.models)}"
        print(f"maek sim: {url} {who}", flush=True)
        await stopped.wait()


def _read_listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"found {text!r}; wanted HOST:PORT, such as 127.0.0.1:8000")
    return host.strip("[]") or "127.0.0.1", int(port)


def _read_fault(text: str) -> Fault:
    try:
        return parse_fault(text)
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
