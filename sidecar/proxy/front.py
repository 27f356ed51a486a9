"""What the proxy adds to a backend: the pages that it lacks, and its load in the headers of answers.

Rules of this file
- Nothing of the backend's is replaced: its own pages and its own load headers come first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from secrets import token_hex
from typing import Any

from sidecar.engines import orca
from sidecar.engines.engine import Reading
from sidecar.load import LoadRules, fresh_reading
from sidecar.pages import PATHS, Pages
from sidecar.proxy import refusals
from sidecar.proxy.claims import Claims
from sidecar.proxy.heads import END, Answer, Request
from sidecar.proxy.refusals import Refusal
from sidecar.slots import known_slots
from sidecar.state import BackendState, Snapshot

NAME = "maek-sidecar"
FORMAT_WANTED = orca.REQUEST_HEADER.encode()
LOAD = orca.HEADER.encode()


@dataclass(frozen=True, slots=True)
class Front:
    """What one proxy says itself. `backend` is the name of the one behind it."""

    backend: str
    pages: Pages
    claims: Claims
    via: bytes

    def is_loop(self, request: Request) -> bool:
        """Whether a request has been here before."""
        return b"via" in request.fields.names and any(self.via in value for value in request.fields.values(b"via"))

    def page(self, request: Request) -> bytes | None:
        """One of Maek's own pages as a whole answer; None for everything that is the backend's."""
        path = request.path
        if path not in PATHS or path in self.claims.theirs or request.method not in (b"GET", b"HEAD"):
            return None
        accept = b",".join(request.fields.values(b"accept")).decode("latin-1")
        page = self.pages.page(path, accept)
        return own_answer(HTTPStatus.OK, page.content_type, page.body, request, persists=request.persists)

    def refusal(self, refusal: Refusal, request: Request | None) -> bytes:
        """A refusal as a whole answer, after which the connection ends."""
        body = refusals.body_of(refusal, request.path if request else "/")
        return own_answer(refusal.status, "application/json", body, request, persists=False)

    def load_headers(self, request: Request, answer: Answer) -> list[bytes]:
        """The load of the backend at this moment, if the client asked for it and the backend does not tell."""
        if FORMAT_WANTED not in request.fields.names or LOAD in answer.fields.names:
            return []
        wanted = orca.format_of(request.fields.values(FORMAT_WANTED)[0].decode("latin-1"))
        snapshot = self.pages.snapshot()
        state = snapshot.backends.get(self.backend)
        if wanted is None or state is None:
            return []
        told = orca.written(load_of(state, snapshot.now, self.pages.rules()), wanted)
        return [] if told is None else [LOAD + b": " + told.encode()]


def via() -> bytes:
    """A name for this very proxy, by which it knows its own requests."""
    return f"{NAME} ({token_hex(4)})".encode()


def load_of(state: BackendState, now: float, rules: LoadRules) -> Reading:
    """How busy a backend is: our own count, and of what its engine tells that which nobody else can know."""
    told = fresh_reading(state, now, rules)
    waiting = None if told.waiting is None else min(told.waiting, state.work.in_flight)
    return Reading(
        running=state.work.in_flight - (waiting or 0),
        waiting=waiting,
        kv_usage_ratio=told.kv_usage_ratio,
        slots=known_slots(state),
        total_requests=state.work.started,
    )


def status_of(backend: str, snapshot: Snapshot, _rules: LoadRules) -> Mapping[str, Any]:
    """`/status` of a proxy: the work of all its clients, and whom it stands before."""
    state = snapshot.backends[backend]
    return {
        "active_jobs": state.work.in_flight,
        "total_requests": state.work.started,
        "backend": {"name": state.name, "url": state.spec.url, "engine": state.engine},
    }


@cache
def _version() -> str:
    return version("maek")  # reads files


def own_answer(status: HTTPStatus, content_type: str, body: bytes, request: Request | None, *, persists: bool) -> bytes:
    """An answer of ours, byte for byte."""
    lines = [
        f"HTTP/1.1 {status} {status.phrase}",
        f"content-type: {content_type}",
        f"content-length: {len(body)}",
        f"date: {formatdate(usegmt=True)}",
        f"server: {NAME}/{_version()}",
        *([] if persists else ["connection: close"]),
    ]
    head = "\r\n".join(lines).encode() + END
    return head if request is not None and request.method == b"HEAD" else head + body
