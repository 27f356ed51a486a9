"""`maek sidecar`: watches one backend from beside it, shows on a port of its own what it sees, and may stand before it.

Rules of this file
- Arguments in, a configuration out; watching and serving are `app`'s. A mistake is one sentence and exit code 2.
"""

import argparse
import asyncio
import ipaddress
import logging
import os
import re
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from sidecar.app import Place, in_front_of, proxying, showing, watching
from sidecar.config import ENGINE_NAMES, URL_WANTED, BackendConfig, SidecarConfig
from sidecar.section import LISTEN_WANTED, NAME_WANTED, split_listen

LISTEN_METRICS = "127.0.0.1:8485"
GRACE_SECONDS = 30.0
"""As long as Kubernetes gives a pod to end; systemd gives 90 s."""

LONGEST_GRACE_SECONDS = 86_400.0
MOST_SOCKETS = 65_536
"""A client takes two. Systems that allow more would have us wait for a table that nobody fills."""
EXIT_INTERRUPTED = 130

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen, besides what is watched."""

    metrics: Place
    proxy: Place | None
    grace_seconds: float


class CannotListen(Exception):
    """An address cannot be had; the text says which and why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek sidecar` takes."""
    parser.add_argument("--backend", metavar="URL", required=True, help="where the LLM server listens")
    parser.add_argument("--engine", choices=ENGINE_NAMES, default="auto", help="its software (default: %(default)s)")
    parser.add_argument("--name", metavar="NAME", help="what to call it on /metrics (default: its host and port)")
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=_read_listen,
        help="where to pass on whatever comes to the backend, and count it; without this it is only watched",
    )
    parser.add_argument(
        "--listen-metrics",
        metavar="HOST:PORT",
        type=_read_listen,
        default=_read_listen(LISTEN_METRICS),
        help=f"where to show what it sees; port 0 takes a free one (default: {LISTEN_METRICS})",
    )
    parser.add_argument(
        "--grace-seconds",
        metavar="SECONDS",
        type=_read_seconds,
        default=GRACE_SECONDS,
        help="how long running answers may take to end when it is told to stop (default: %(default)g)",
    )


def run(args: argparse.Namespace) -> int:
    """Watch until SIGTERM or SIGINT; return the exit code."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    try:
        config = _config(args)
    except ValidationError as error:
        return _refuse(error)
    _allow_many_sockets()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(config, Options(args.listen_metrics, args.listen, args.grace_seconds)))
    except CannotListen as error:
        print(f"maek sidecar: {error}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        return EXIT_INTERRUPTED
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


async def _serve(config: SidecarConfig, options: Options) -> None:
    stopped = _stop_signals()
    (backend,) = config.backends
    async with AsyncExitStack() as stack:
        watch = await stack.enter_async_context(watching(config))
        pages = watch.pages if options.proxy is None else in_front_of(watch.pages, backend.name)
        with _explained("--listen-metrics", options.metrics):
            shown = await stack.enter_async_context(showing(pages, options.metrics))
        said = [f"watching {backend.name} at {backend.url}"]
        if options.proxy is not None:
            # Last in, first out: while running answers end, the pages still say so.
            with _explained("--listen", options.proxy):
                proxy = proxying(watch, backend.name, options.proxy, options.grace_seconds)
                place = await stack.enter_async_context(proxy)
            said.append(f"passing on what comes to {_url(place)}")
            _warn_if_open(place)
        print("; ".join([*said, f"metrics on {_url(shown)}/metrics"]), flush=True)
        await stopped.wait()


def _stop_signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; a second one waits for nobody."""
    stopped, serving = asyncio.Event(), asyncio.current_task()
    assert serving is not None

    def stop() -> None:
        if stopped.is_set():
            serving.cancel()
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return stopped


@contextmanager
def _explained(option: str, place: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = _url(place).removeprefix("http://")
        why = os.strerror(error.errno) if error.errno else error.strerror
        raise CannotListen(f"cannot listen on {where}: {why}; choose another {option}") from error


def _warn_if_open(place: Place) -> None:
    if not ipaddress.ip_address(place[0].partition("%")[0]).is_loopback:
        log.warning(
            "%s can be reached from other machines, and asks nobody for a key: whoever reaches it can use the backend. "
            "Listen on 127.0.0.1, or let a firewall or a proxy with keys decide who may.",
            _url(place),
        )


def _url(place: Place) -> str:
    host, port = place
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _allow_many_sockets() -> None:
    """As many as the system lets an ordinary user have; the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_SOCKETS if hard == resource.RLIM_INFINITY else min(hard, MOST_SOCKETS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """uvloop where there is one: the same semantics, half the CPU time. None: asyncio's own."""
    try:
        from uvloop import Loop  # noqa: PLC0415 - absent on some systems
    except ImportError:
        return None
    loop: type[asyncio.AbstractEventLoop] = Loop
    return loop


def _read_listen(text: str) -> Place:
    try:
        return split_listen(text)
    except PydanticCustomError:
        raise argparse.ArgumentTypeError(f"found {text!r}; wanted {LISTEN_WANTED}") from None


def _read_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_GRACE_SECONDS:
        raise argparse.ArgumentTypeError(f"found {text!r}; wanted seconds from 0 to {LONGEST_GRACE_SECONDS:g}")
    return seconds
