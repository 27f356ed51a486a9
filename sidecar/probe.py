"""The only file of the sidecar that asks a backend anything.

Rules of this file
- Every ending of a question has a name; none is an exception to the caller, except cancellation.
- A new connection for each question: a pooled one would hide that nobody listens any more.
- Bounded in time and in bytes, since a backend may be anything.
- Never a question that costs tokens, but for `inference`, which the caller has to have a reason for.
"""

import errno
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ssl import SSLError

import aiohttp
import orjson

from sidecar.engines import ENGINES
from sidecar.engines.engine import Answer, Ask, Engine, Health
from sidecar.facts import BackendSpec, ProbeOutcome

MOST_BYTES = 4 * 1024 * 1024
"""More than any list of models or page of metrics seen; a larger answer is not one."""

OUTCOME_OF_HEALTH = {
    Health.OK: ProbeOutcome.OK,
    Health.LOADING: ProbeOutcome.LOADING,
    Health.BAD_STATUS: ProbeOutcome.BAD_STATUS,
    Health.BAD_BODY: ProbeOutcome.BAD_BODY,
}


@dataclass(frozen=True, slots=True)
class Probed:
    """How one question ended. `answer` is None where none came; `detail` then says why, for people."""

    outcome: ProbeOutcome
    latency_ms: float
    detail: str
    answer: Answer | None = None


class Prober:
    """Asks backends. `clock` gives monotonic seconds."""

    def __init__(self, session: aiohttp.ClientSession, clock: Callable[[], float]) -> None:
        self._session = session
        self._clock = clock

    async def liveness(self, spec: BackendSpec, engine: Engine, timeout_seconds: float) -> Probed:
        """Whether the backend lives, by its engine's own question for that."""
        probed = await self.ask(spec, engine.liveness, timeout_seconds)
        if probed.answer is None:
            return probed
        health = engine.read_liveness(probed.answer)
        detail = f"HTTP {probed.answer.status}"
        return Probed(OUTCOME_OF_HEALTH[health], probed.latency_ms, detail, probed.answer)

    async def answers(
        self, spec: BackendSpec, asks: Sequence[Ask], timeout_seconds: float
    ) -> tuple[Answer | None, ...]:
        """The answers to several questions, one after the other, in their order; None where none came."""
        return tuple([(await self.ask(spec, ask, timeout_seconds)).answer for ask in asks])

    async def inference_ms(self, spec: BackendSpec, model: str, timeout_seconds: float) -> float:
        """How long one token takes, in ms rounded to 0.1; -1.0 if it failed. Costs a token."""
        body = orjson.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1})
        ask = Ask("/v1/chat/completions", "POST", body, {"content-type": "application/json"})
        probed = await self.ask(spec, ask, timeout_seconds)
        answered = probed.answer is not None and probed.answer.status == 200
        return probed.latency_ms if answered else -1.0

    async def ask(self, spec: BackendSpec, ask: Ask, timeout_seconds: float) -> Probed:
        """One question with a deadline. OK here only says that some answer came."""
        started = self._clock()
        try:
            answer = await self._answer(spec, ask, timeout_seconds)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Probed(outcome_of(error), self._since(started), f"{type(error).__name__}: {error}"[:200])
        if len(answer.body) > MOST_BYTES:
            return Probed(ProbeOutcome.BAD_BODY, self._since(started), f"more than {MOST_BYTES} bytes")
        return Probed(ProbeOutcome.OK, self._since(started), f"HTTP {answer.status}", answer)

    async def _answer(self, spec: BackendSpec, ask: Ask, timeout_seconds: float) -> Answer:
        headers = dict(ask.headers)
        if spec.api_key is not None:
            headers["authorization"] = f"Bearer {spec.api_key}"
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=timeout_seconds)
        async with self._session.request(
            ask.method,
            spec.url + ask.path,
            data=ask.body,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            body = b""
            while len(body) <= MOST_BYTES and (part := await response.content.readany()):
                body += part
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, body, lowered)

    def _since(self, started: float) -> float:
        return round((self._clock() - started) * 1000, 1)


def outcome_of(error: BaseException) -> ProbeOutcome:
    """What an exception of the HTTP client says about the backend."""
    match error:
        case aiohttp.ClientConnectorError(os_error=OSError(errno=errno.ECONNREFUSED)):
            return ProbeOutcome.REFUSED
        case aiohttp.ConnectionTimeoutError() | aiohttp.ClientConnectorError() | SSLError():
            return ProbeOutcome.CONNECT_TIMEOUT
        case TimeoutError():
            return ProbeOutcome.READ_TIMEOUT
        case _:
            # Something is there and speaks, but not HTTP, or it hung up in the middle of it.
            return ProbeOutcome.BAD_BODY


def probing_session() -> aiohttp.ClientSession:
    """A session for questions: no pooling, no limit that would make one backend wait for another, no cookies."""
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True)


def engine_for(name: str | None) -> Engine:
    """How to ask a backend whose engine is `name`; as any OpenAI-compatible server while nobody knows."""
    return ENGINES.get(name or "openai", ENGINES["openai"])


Sleep = Callable[[float], Awaitable[None]]
"""Waits that many seconds."""
