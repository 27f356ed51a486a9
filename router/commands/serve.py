"""`maek serve`."""

import argparse
import asyncio
import sys
from functools import partial
from pathlib import Path

from router.commands.options import add_config, config_path, load_or_explain
from router.config_load import load
from router.logs import Log
from router.reload import ConfigWatch
from router.serve import CannotStart, Options, serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek serve` takes."""
    add_config(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="where to listen, instead of router.listen")
    parser.add_argument("--port", type=int, metavar="N", help="the port alone; 0 takes a free one")
    parser.add_argument("--record", metavar="FILE", type=Path, help="write a flight recording for `maek replay`")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    log = Log()
    log.begin()
    path = config_path(args)
    listen = args.listen
    if args.port is not None:
        given = load_or_explain(path, listen=listen)
        if given is None:
            return 1
        host, _ = given.router.address
        listen = f"[{host}]:{args.port}" if ":" in host else f"{host}:{args.port}"
    watch = None if path is None else ConfigWatch(path, read=partial(load, listen=listen))
    config = load_or_explain(path, listen=listen)
    if config is None:
        return 1
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(config, Options(watch, args.record, log)))
    except CannotStart as error:
        print(f"maek serve: {error}", file=sys.stderr)
        return 1
    return 0


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """uvloop where there is one: the same semantics, half the CPU time. None: asyncio's own."""
    try:
        from uvloop import Loop  # noqa: PLC0415 - absent on some systems
    except ImportError:
        return None
    loop: type[asyncio.AbstractEventLoop] = Loop
    return loop
