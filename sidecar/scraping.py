"""`/metrics`, without holding the event loop.

Rules of this file
- One page is of one moment: everything is collected at once. Working it out and writing it down may take its time then,
  in slices.
- Whoever asks while a page of the same format is being written gets that one.
- Packed where the scraper takes it, in a thread: zlib does not need the interpreter.
"""

import asyncio
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.metrics_core import Metric as Family

from sidecar.exposition import families_of_all, told
from sidecar.load import LoadRules
from sidecar.slices import Slices
from sidecar.state import Snapshot
from sidecar.writing import Writer

OPENMETRICS = "application/openmetrics-text"
GZIP = 31
"""What zlib calls the format of gzip, with its largest window."""
QUICK = 2
"""Level of compression: a tenth of the page is left, for a twentieth of what the page cost. The usual 6 saves an eighth
of that tenth more, and takes three times as long."""
_ESCAPING = re.compile(r";\s*escaping=[^;,]*")


@dataclass(frozen=True, slots=True)
class Written:
    """One page."""

    body: bytes
    content_type: str
    packed: bool
    """Whether with gzip."""


class Scrapes:
    """Writes the page for every scraper. `others` collects what is no part of a snapshot; the steps of `before` come
    first; `took` is told the seconds that each page held the event loop, in all."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        rules: Callable[[], LoadRules],
        others: Callable[[], Iterable[Family]] = tuple,
        before: Callable[[], Iterable[None]] = tuple,
        took: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._snapshot = snapshot
        self._rules = rules
        self._others = others
        self._before = before
        self._took = took
        self._writer = Writer()
        self._at_work: dict[bool, asyncio.Task[bytes]] = {}

    async def page(self, accept: str, *, gzip: bool) -> Written:
        """The page, in the format that the header `accept` asks for."""
        # Names of ours need no escaping, whichever way the scraper would like it done.
        _, content_type = choose_encoder(_ESCAPING.sub("", accept))
        body = await self._body(as_openmetrics=content_type.startswith(OPENMETRICS))
        if gzip:
            body = await asyncio.to_thread(_packed, body)
        return Written(body, content_type, gzip)

    async def _body(self, *, as_openmetrics: bool) -> bytes:
        task = self._at_work.get(as_openmetrics)
        if task is None:
            task = asyncio.create_task(self._written(as_openmetrics=as_openmetrics))
            self._at_work[as_openmetrics] = task
            task.add_done_callback(lambda _task: self._at_work.pop(as_openmetrics))
        return await asyncio.shield(task)  # a scraper that hangs up leaves the others theirs

    async def _written(self, *, as_openmetrics: bool) -> bytes:
        slices = Slices()
        await slices.all_of(self._before())
        snapshot, rules, others = self._snapshot().still(), self._rules(), list(self._others())
        backends = await slices.all_of(told(snapshot, rules))
        families = [*others, *families_of_all(snapshot, backends)]
        pieces = map(str.encode, self._writer.pieces(families, as_openmetrics=as_openmetrics))
        body = b"".join(await slices.all_of(pieces))
        self._took(slices.held_seconds)
        return body


async def scrape(scrapes: Scrapes, request: web.Request) -> web.Response:
    """The answer to one scraper."""
    page = await scrapes.page(
        request.headers.get("accept", ""), gzip=gzip_accepted(request.headers.get("accept-encoding", ""))
    )
    headers = {"content-type": page.content_type, "vary": "accept, accept-encoding"}
    if page.packed:
        headers["content-encoding"] = "gzip"
    return web.Response(body=page.body, headers=headers)


def _packed(body: bytes) -> bytes:
    return zlib.compress(body, QUICK, GZIP)
