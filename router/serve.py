"""`maek serve`: the router on a socket, until it is told to stop.

Rules of this file
- What it prints is for the person who started it; what happens later goes to the log.
- SIGTERM and SIGINT let running chats end; SIGHUP and a changed file put the new configuration in force, and a broken
  one changes nothing.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from aiohttp import web
from aiohttp.http import HttpProcessingError

from router.api.routes import web_application
from router.app import House, running
from router.banner import banner
from router.config import Config, is_loopback
from router.errors import MaekError
from router.logs import Log, write_from
from router.reload import ConfigWatch
from router.sessions.store import epoch_seconds
from sidecar import ConfigInvalid, Problem, SecretUnusable

log = logging.getLogger(__name__)

GRACE_SECONDS = 10.0
"""Chats that still run when Maek is told to stop may take this long to end."""
SETTLED_SECONDS = 60.0
"""After that the backends are known, and most of what is counted. Like the house itself it stays: a full collection of
garbage would hold the event loop to look through all of it again."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says besides the configuration."""

    watch: ConfigWatch | None = None
    """Notices changes of the file; made before the file was read, so that none is missed. None: there is no file."""
    record: Path | None = None
    log: Log | None = None
    """Where the configured format goes; None leaves the log as it is."""


class CannotStart(Exception):
    """Maek cannot start; the text tells the user why and what to do."""


class UnreadableRequests(logging.Filter):
    """Keeps out of the log what aiohttp says of a request that cannot be read: it repeats the very line, and that may
    be somebody's key. The caller has been told."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may be written."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


UNREADABLE_REQUESTS = UnreadableRequests()
"""One for all: a logger takes the same filter only once."""


async def serve(config: Config, options: Options) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotStart."""
    write_from(config.router.log_level)
    if options.log is not None:
        options.log.write_as(config.router.log_format)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        try:
            house = await stack.enter_async_context(running(config, record=options.record))
        except MaekError as error:
            raise CannotStart(error.message) from error
        except OSError as error:
            raise CannotStart(
                f"{error.filename}: {error.strerror}. Name a file or folder that can be written."
            ) from error
        url = await stack.enter_async_context(listening(house))
        for seconds in (0.0, SETTLED_SECONDS):
            loop.call_later(seconds, gc.freeze)
        if options.watch is not None:
            _reload_on_change(house, options.watch, options.log, stack)
        # Last: whoever reads it may send SIGHUP at once, which would end a process that does not expect it yet.
        print(banner(house.current.service, url), flush=True)  # noqa: T201 - the one thing a person reads
        await stop.wait()
        log.info("stopping; running chats may take %s s to end", GRACE_SECONDS)


@asynccontextmanager
async def listening(house: House) -> AsyncIterator[str]:
    """The router on the socket that its configuration names; gives the URL. Raises CannotStart."""
    _keep_what_users_write_out_of_logs()
    host, port = house.current.service.config.router.address
    limits = house.current.service.config.router.limits
    runner = web.AppRunner(
        web_application(house.current),
        access_log=None,
        handler_cancellation=True,  # a client that hangs up stops its backend within the same second
        shutdown_timeout=GRACE_SECONDS,
        max_line_size=limits.header_bytes,
        max_field_size=limits.header_bytes,
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise CannotStart(
                f"Cannot listen on {host}:{port}: {error.strerror}. Is Maek running already? Try: maek serve --port N"
            ) from error
        real_host, real_port = runner.addresses[0][:2]
        yield f"http://[{real_host}]:{real_port}" if ":" in real_host else f"http://{real_host}:{real_port}"
    finally:
        await runner.cleanup()


def _keep_what_users_write_out_of_logs() -> None:
    logging.getLogger("aiohttp.server").addFilter(UNREADABLE_REQUESTS)
    logging.getLogger("aiosqlite").setLevel(logging.INFO)  # below it, every conversation that is stored


def _reload_on_change(house: House, watch: ConfigWatch, written: Log | None, stack: AsyncExitStack) -> None:
    host, _ = house.current.service.config.router.address

    def adopt(read: Config | ConfigInvalid) -> None:
        changed = _with_the_door_shut(read, host)
        before = house.current.service.config.router
        try:
            if isinstance(changed, ConfigInvalid):
                raise changed
            house.adopt(changed)
        except (ConfigInvalid, SecretUnusable) as error:
            house.parts.telemetry.reloaded(ok=False, at_epoch_seconds=epoch_seconds())
            log.error("config rejected, the old one stays\n%s", error)
            return
        watch.polls = changed.router.reload_on_change
        if changed.router.log_level != before.log_level:  # else what `POST /log` chose stays
            write_from(changed.router.log_level)
        if written is not None:
            written.write_as(changed.router.log_format)
        log.info("config taken up")
        for key in NEEDS_RESTART:
            if attrgetter(key)(changed.router) != attrgetter(key)(before):
                log.warning("config key=router.%s takes effect at the next start", key)

    watch.polls = house.current.service.config.router.reload_on_change
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, watch.poke)
    task = asyncio.create_task(watch.run(adopt), name="watch config")
    stack.callback(task.cancel)


def _with_the_door_shut(changed: Config | ConfigInvalid, host: str) -> Config | ConfigInvalid:
    """The same, unless it takes the keys away while Maek goes on listening where other machines reach it."""
    if isinstance(changed, ConfigInvalid) or changed.router.keys or is_loopback(host):
        return changed
    found = f"no keys, while Maek listens on {host} until it is restarted"
    wanted = "at least one hash, or a restart with an address that only this machine reaches"
    return ConfigInvalid([Problem("the new configuration", None, "router.keys", found, wanted)])


NEEDS_RESTART = ("listen", "data_dir", "sessions", "limits.body_bytes", "limits.header_bytes")
"""Keys of the router that are read once, at the start."""
