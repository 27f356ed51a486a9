"""The only file of the sidecar that asks a backend anything.

Rules of this file
- Every ending of a question has a name; none is an exception to the caller, except cancellation.
- A new connection for each question: a pooled one would hide that nobody listens any more.
- Bounded in time and in bytes, since a backend may be anything.
- Never a question that costs tokens, but for `inference_ms`, which the caller has to have a reason for.
"""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ssl import SSLError
from urllib.parse import urlsplit

import aiohttp
import orjson

from sidecar.engines import ENGINES, detect
from sidecar.engines.detect import Identity
from sidecar.engines.engine import Answer, Answers, Ask, Engine, Liveness
from sidecar.engines.page import overridden, place_of
from sidecar.engines.promtext import selector_of
from sidecar.facts import BackendSpec, ProbeOutcome

MOST_BYTES = 4 * 1024 * 1024
"""More than any list of models or page of metrics seen; a larger answer is not one."""
MOST_ROUNDS = 3
"""Of questions about load: an engine that has more questions after its third round goes round in circles."""
CONNECT_SHARE = 0.75
"""Part of a deadline that connecting may take. What comes about later leaves no time for an answer, and this way the
one ending is never taken for the other."""
FAILED_MS = -1.0

OUTCOME_OF_LIVENESS = {
    Liveness.OK: ProbeOutcome.OK,
    Liveness.LOADING: ProbeOutcome.LOADING,
    Liveness.SLEEPING: ProbeOutcome.SLEEPING,
    Liveness.SUSPENDED: ProbeOutcome.SUSPENDED,
    Liveness.BAD_STATUS: ProbeOutcome.BAD_STATUS,
    Liveness.BAD_BODY: ProbeOutcome.BAD_BODY,
}
UNHEARD = frozenset({ProbeOutcome.REFUSED, ProbeOutcome.CONNECT_TIMEOUT, ProbeOutcome.READ_TIMEOUT})
"""Nobody is there, or too busy to say anything: the next question would wait as long for as little."""


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
        """Whether the backend lives, by its engine's own questions for that; one deadline for each of the two.

        The latency is the first answer's. A second question that is not heard changes nothing: it lives.
        """
        probed = judged(await self.ask(spec, engine.liveness, timeout_seconds), engine.read_liveness)
        if engine.condition is None or probed.outcome is not ProbeOutcome.OK:
            return probed
        further = judged(await self.ask(spec, engine.condition, timeout_seconds), engine.read_condition)
        return probed if further.answer is None else replace(probed, outcome=further.outcome)

    async def identity(self, spec: BackendSpec, timeout_seconds: float) -> Identity | None:
        """Which software answers there; None if it is no LLM server, or did not say."""
        return detect.identify(await self.answers(spec, detect.QUESTIONS, timeout_seconds))

    async def stats(self, spec: BackendSpec, engine: Engine, timeout_seconds: float) -> Answers:
        """The answers to everything that the engine is asked about its load, round after round."""
        answers: Answers = ()
        for _ in range(MOST_ROUNDS):
            answers += await self.answers(spec, engine.asks(answers), timeout_seconds)
        return answers

    async def answers(self, spec: BackendSpec, asks: Sequence[Ask], timeout_seconds: float) -> Answers:
        """The answers to several questions, one after the other, in their order; None where none came.

        Once a question was not heard, the rest is not asked: so this takes one deadline too long, never many.
        """
        answers: list[Answer | None] = []
        for ask in asks:
            probed = await self.ask(spec, ask, timeout_seconds)
            if probed.outcome in UNHEARD:
                return (*answers, *[None] * (len(asks) - len(answers)))
            answers.append(probed.answer)
        return tuple(answers)

    async def inference_ms(self, spec: BackendSpec, model: str, timeout_seconds: float) -> float:
        """How long one token takes, in ms rounded to 0.1; negative if it failed. Costs a token."""
        body = orjson.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1})
        ask = Ask("/v1/chat/completions", "POST", body, {"content-type": "application/json"})
        probed = await self.ask(spec, ask, timeout_seconds)
        answered = probed.answer is not None and probed.answer.status == 200
        return probed.latency_ms if answered else FAILED_MS

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
        if spec.api_key is not None and ask.port is None:  # another port may be another server
            headers["authorization"] = f"Bearer {spec.api_key}"
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=CONNECT_SHARE * timeout_seconds)
        async with self._session.request(
            ask.method,
            url_of(spec, ask),
            data=ask.body,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            body = bytearray()
            while len(body) <= MOST_BYTES and (part := await response.content.readany()):
                body += part
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, bytes(body), lowered)

    def _since(self, started: float) -> float:
        return round((self._clock() - started) * 1000, 1)


def judged(probed: Probed, read: Callable[[Answer], Liveness]) -> Probed:
    """What came back, with the outcome that its reader gives it; unchanged where nothing came."""
    if probed.answer is None:
        return probed
    return replace(probed, outcome=OUTCOME_OF_LIVENESS[read(probed.answer)])


def url_of(spec: BackendSpec, ask: Ask) -> str:
    """Where a question goes: to the backend's own port, or to another of the same host."""
    if ask.port is None:
        return spec.url + ask.path
    parts = urlsplit(spec.url)
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}:{ask.port}{ask.path}"


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
    """A session for questions: no pooling, no limit that would make one backend wait for another, no cookies.

    Nothing is unpacked: a few bytes could unpack to gigabytes.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"accept-encoding": "identity"},
        auto_decompress=False,
    )


def engine_for(name: str | None, spec: BackendSpec) -> Engine:
    """How to ask a backend whose engine is `name`; as any OpenAI-compatible server while nobody knows.

    The operator's names for its metrics come before the engine's own.
    """
    engine = ENGINES.get(name or "openai", ENGINES["openai"])
    named = {number: found for number, text in spec.metrics.items() if (found := selector_of(text)) is not None}
    return overridden(engine, named, None if spec.metrics_path is None else place_of(spec.metrics_path))
