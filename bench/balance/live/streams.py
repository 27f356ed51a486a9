"""One streaming chat over HTTP: what came, token by token, and how it ended.

Rules of this file
- Every ending has a name; none is an exception to the caller, except cancellation, which closes the connection.
- An answer is whole when its end mark came and no error did. A connection that ends well without it was cut.
- A new connection for each chat: one that is kept may be closed by the server in the moment in which it is used, and
  that would be no failure of the backend's.
"""

from collections.abc import Callable
from typing import NamedTuple

import aiohttp
import orjson

from bench.balance.agent import Failure, FailureKind

_HEADERS = {"content-type": "application/json"}
_TOO_MANY = 429


class Ending(NamedTuple):
    """How a chat ended."""

    failure: Failure | None
    """None: it is whole."""
    code: str | None = None
    """What the server calls its error, where it said."""
    backend: str | None = None
    """Who answers, where a router knew and said it when its answer began."""


class Tokens:
    """Counts tokens in server-sent events as they come."""

    def __init__(self) -> None:
        self.count = 0
        self.code: str | None = None
        self._is_done = False
        self._rest = b""

    @property
    def is_whole(self) -> bool:
        """Whether the end mark came, and no error."""
        return self._is_done and self.code is None

    def feed(self, data: bytes) -> int:
        """How many new tokens `data` completes. Raises ValueError for what is no JSON."""
        before = self.count
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._take(line[5:].strip())
        return self.count - before

    def _take(self, payload: bytes) -> None:
        if payload == b"[DONE]":
            self._is_done = True
            return
        document = orjson.loads(payload)
        if "error" in document:
            self.code = code_of(document)
        elif any(choice["delta"].get("content") for choice in document.get("choices", ())):
            self.count += 1


async def chat(session: aiohttp.ClientSession, url: str, body: bytes, heard: Callable[[int], None]) -> Ending:
    """Ask, and tell `heard` how many new tokens came whenever some did."""
    tokens, backend = Tokens(), None
    try:
        async with session.post(url + "/v1/chat/completions", data=body, headers=_HEADERS) as response:
            if response.status != 200:
                return refused(response.status, response.headers.get("Retry-After"), await response.read())
            backend = response.headers.get("x-maek-backend")
            async for piece in response.content.iter_any():
                if count := tokens.feed(piece):
                    heard(count)
    except aiohttp.ClientConnectorError:
        return Ending(Failure(FailureKind.REFUSED))
    except (aiohttp.ClientError, OSError, ValueError):
        return Ending(_broken(tokens), tokens.code, backend)
    return Ending(None if tokens.is_whole else _broken(tokens), tokens.code, backend)


def _broken(tokens: Tokens) -> Failure:
    return Failure(FailureKind.CUT if tokens.count else FailureKind.ERROR, tokens.count)


def refused(status: int, retry_after: str | None, body: bytes) -> Ending:
    """An answer that is an error from its first line."""
    if status != _TOO_MANY:
        return Ending(Failure(FailureKind.ERROR), _code_in(body))
    rest = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    return Ending(Failure(FailureKind.REJECTED, retry_after_seconds=rest), _code_in(body))


def _code_in(body: bytes) -> str | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return code_of(document) if isinstance(document, dict) else None


def code_of(document: dict[str, object]) -> str:
    """The code of an error document; the empty text where it has none."""
    error = document.get("error")
    return str(error.get("code") or "") if isinstance(error, dict) else ""
