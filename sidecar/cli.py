"""`maek sidecar`: watches one backend from beside it, and shows on a port of its own what it sees.

Rules of this file
- Arguments in, a configuration out; watching and serving are `app`'s. A mistake is one sentence and exit code 2.
"""

import argparse
import asyncio
import re
import signal
import sys
from contextlib import AsyncExitStack

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from sidecar.app import routes, watching
from sidecar.config import ENGINE_NAMES, URL_WANTED, BackendConfig, SidecarConfig
from sidecar.section import LISTEN_WANTED, NAME_WANTED, split_listen

LISTEN = "127.0.0.1:8485"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek sidecar` takes."""
    parser.add_argument("--backend", metavar="URL", required=True, help="where the LLM server listens")
    parser.add_argument("--engine", choices=ENGINE_NAMES, default="auto", help="its software (default: %(default)s)")
    parser.add_argument("--name", metavar="NAME", help="what to call it on /metrics (default: its host and port)")
    parser.add_argument(
        "--listen-metrics",
        metavar="HOST:PORT",
        type=_read_listen,
        default=_read_listen(LISTEN),
        help=f"where to show what it sees; port 0 takes a free one (default: {LISTEN})",
    )


def run(args: argparse.Namespace) -> int:
    """Watch until SIGTERM or SIGINT; return the exit code."""
    try:
        config = _config(args)
    except ValidationError as error:
        return _refuse(error)
    host, port = args.listen_metrics
    try:
        asyncio.run(_serve(config, host, port))
    except OSError as error:
        print(f"maek sidecar: cannot listen on {host}:{port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _config(args: argparse.Namespace) -> SidecarConfig:
    name = args.name or re.sub(r"[^A-Za-z0-9]+", "-", args.backend.partition("//")[2]).strip("-") or "backend"
    backend = BackendConfig(name=name, url=args.backend, engine=args.engine)
    return SidecarConfig(discover=False, backends=(backend,))


def _refuse(error: ValidationError) -> int:
    """Say what is wrong without showing the URL, which may hold a password."""
    keys = {fault["loc"][0] for fault in error.errors()}
    option, wanted = ("--backend", URL_WANTED) if "url" in keys else ("--name", NAME_WANTED)
    print(f"maek sidecar: {option}: wanted {wanted}", file=sys.stderr)
    return 2


async def _serve(config: SidecarConfig, host: str, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        app = web.Application()
        app.add_routes(routes(await stack.enter_async_context(watching(config))))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, host, port).start()
        place = "[{}]:{}" if ":" in host else "{}:{}"
        backend = config.backends[0]
        where = place.format(host, runner.addresses[0][1])
        print(f"watching {backend.name} at {backend.url}; metrics on http://{where}/metrics", flush=True)
        await stopped.wait()


def _read_listen(text: str) -> tuple[str, int]:
    try:
        return split_listen(text)
    except PydanticCustomError:
        raise argparse.ArgumentTypeError(f"found {text!r}; wanted {LISTEN_WANTED}") from None
