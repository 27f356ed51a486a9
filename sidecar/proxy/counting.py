"""Which requests are work, and how each of them ends.

Rules of this file
- Work is what makes the model run. Polls, lists, downloads and web pages are passed on and not counted: a backend that
  is asked what it has loaded is not busy for that.
- What begins, ends: only through `counted`, with its three endings. Whoever says nothing says that the client left.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from itertools import count

from sidecar.facts import Outcome, RequestFinished, RequestStarted
from sidecar.progress import Progress
from sidecar.store import Store

WORKING_WORDS = frozenset(
    {
        "chat",  # Ollama's /api/chat, LM Studio's /api/v1/chat
        "classify",
        "completion",  # llama.cpp
        "completions",  # OpenAI's, with and without chat/
        "edits",
        "embed",  # Ollama, TGI
        "embedding",  # llama.cpp
        "embeddings",
        "generate",  # Ollama, SGLang, TGI, Triton, KoboldCpp
        "generate_stream",
        "generations",  # /v1/images/generations
        "infer",  # Triton
        "infill",  # llama.cpp
        "messages",  # Anthropic's
        "pooling",
        "rerank",
        "reranking",
        "responses",  # OpenAI's newer door
        "score",
        "speech",
        "stream",  # KoboldCpp's /api/extra/generate/stream
        "transcriptions",
        "translations",
    }
)
"""The last word of the paths by which engines are asked to generate, embed or judge, in whatever folder they stand."""

FULL = re.compile(rb"(?i)busy|overloaded|queue|no slots? available")
"""What servers say with a 503 that are full and name no time: Ollama says "server busy, please try again"."""
LONGEST_SENTENCE_BYTES = 512

EVENTS_WITH_END_MARK = frozenset({"completions"})
"""Where a stream of events ends with `data: [DONE]`, and without it has not ended."""
EVENTS = b"text/event-stream"
END_MARK = b"[DONE]"
LONGEST_END_BYTES = 64
"""The end mark, some spaces, and a chunk's end after it."""


def is_work(method: bytes, path: str) -> bool:
    """Whether a request makes a model run."""
    return method == b"POST" and last_word(path) in WORKING_WORDS


def last_word(path: str) -> str:
    """What a path ends with."""
    return path.rstrip("/").rpartition("/")[2]


def has_end_mark(path: str, content_type: bytes) -> bool:
    """Whether an answer says by itself that it is whole."""
    return last_word(path) in EVENTS_WITH_END_MARK and content_type.strip().lower().startswith(EVENTS)


class Ending:
    """What an answer of this status says about the backend once it has ended.

    `told_when`: it names a time to come back. `unsaid`: only an end mark in it can say that it is whole.
    """

    def __init__(self, status: int, *, told_when: bool = False, unsaid: bool = False) -> None:
        self._status = status
        self._told_when = told_when
        self._unsaid = unsaid
        self._first = b""
        self._last = b""

    @property
    def reads(self) -> bool:
        """Whether it has to be fed what comes; else that would change nothing."""
        return self._unsaid or (self._status == HTTPStatus.SERVICE_UNAVAILABLE and not self._told_when)

    def feed(self, part: bytes) -> None:
        """The next bytes."""
        if len(self._first) < LONGEST_SENTENCE_BYTES:
            self._first = (self._first + part)[:LONGEST_SENTENCE_BYTES]
        self._last = (self._last + part)[-LONGEST_END_BYTES:]

    def outcome(self, *, whole: bool) -> Outcome:
        """How it ended. `whole`: nothing of it is missing, as far as the connection knows."""
        if not whole or (self._unsaid and END_MARK not in self._last):
            return Outcome.TRUNCATED
        match self._status:
            case HTTPStatus.TOO_MANY_REQUESTS:
                return Outcome.REJECTED
            case HTTPStatus.SERVICE_UNAVAILABLE if self._told_when or FULL.search(self._first):
                return Outcome.REJECTED
            case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return Outcome.BACKEND_ERROR
            case status if status >= HTTPStatus.BAD_REQUEST:
                return Outcome.CALLER_ERROR
            case _:
                return Outcome.OK


class Place:
    """One request in flight."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        """Where its tokens are noted; None where nothing is counted."""
        self.outcome = Outcome.CLIENT_GONE
        """How it ended; unless it is said, the client left, and nobody learns anything about the backend."""


class Counter:
    """Counts the work of one backend, in the store and nowhere else. `clock` gives monotonic seconds."""

    def __init__(self, store: Store, backend: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._backend = backend
        self._clock = clock
        self._numbers = count(1)

    @contextmanager
    def counted(self, *, work: bool) -> Iterator[Place]:
        """A request, from its first byte to its last. What is no work has a place that nobody looks at."""
        if not work:
            yield Place(None)
            return
        request = f"proxied-{next(self._numbers)}"
        self._store.apply(RequestStarted(self._clock(), self._backend, request))
        place = Place(self._store.progress(self._backend, request))
        try:
            yield place
        finally:
            self._store.apply(RequestFinished(self._clock(), self._backend, request, place.outcome))
