"""What the proxy itself says when nothing can be passed on: one sentence that tells what to do.

Rules of this file
- Pure. No sentence repeats what a client sent.
- A client gets an error in the shape that it understands: Ollama's paths have `{"error": "…"}`, all others the object
  that OpenAI's clients and Maek's own read.
"""

from dataclasses import dataclass
from http import HTTPStatus

import orjson

from sidecar.facts import Outcome


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of our own instead of the backend's."""

    status: HTTPStatus
    code: str
    """Stable: programs match on it. The same words as the router's."""
    fault: str
    """Who can mend it: `caller` or `backend`."""
    message: str
    outcome: Outcome
    """What it says about the backend."""


class Refused(Exception):
    """Nothing can be passed on."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def bad_request(found: str) -> Refusal:
    """The client does not speak HTTP/1 as it should."""
    message = f"This is no request that can be passed on: {found}."
    return Refusal(HTTPStatus.BAD_REQUEST, "bad_request", "caller", message, Outcome.CALLER_ERROR)


def came_back() -> Refusal:
    """A request came back to the proxy that had passed it on."""
    message = "This request has been here before: the --backend of `maek sidecar` leads back to itself. Name the LLM "
    message += "server there."
    return Refusal(HTTPStatus.LOOP_DETECTED, "loop", "backend", message, Outcome.CALLER_ERROR)


def refused(url: str) -> Refusal:
    """Nobody listens where the backend should be."""
    message = f"Nobody listens at {url}, the backend behind this proxy. Start the LLM server there, or start "
    message += "`maek sidecar` with the --backend where it is."
    return Refusal(HTTPStatus.BAD_GATEWAY, "backend_failed", "backend", message, Outcome.REFUSED)


def unreachable(url: str, why: str) -> Refusal:
    """No connection to the backend."""
    message = f"The backend {url} cannot be reached: {why}. Check --backend, and the network between."
    return Refusal(HTTPStatus.BAD_GATEWAY, "backend_failed", "backend", message, Outcome.BACKEND_ERROR)


def connect_timeout(url: str, seconds: float) -> Refusal:
    """No connection in time."""
    message = f"The backend {url} did not take a connection within {seconds:g} s. Is its machine up, or overloaded?"
    return Refusal(HTTPStatus.GATEWAY_TIMEOUT, "backend_timeout", "backend", message, Outcome.TIMEOUT)


def no_answer(url: str, found: str) -> Refusal:
    """The backend took the request, and what came back is no answer."""
    message = f"The backend {url} gave no answer: {found}. Its own log says more."
    return Refusal(HTTPStatus.BAD_GATEWAY, "backend_failed", "backend", message, Outcome.BACKEND_ERROR)


def body_of(refusal: Refusal, path: str) -> bytes:
    """The JSON that a client of `path` reads."""
    if path.startswith("/api/"):
        return orjson.dumps({"error": refusal.message, "code": refusal.code, "fault": refusal.fault})
    error = {"message": refusal.message, "type": "api_error", "code": refusal.code, "fault": refusal.fault}
    return orjson.dumps({"error": error})
