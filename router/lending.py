"""Models lent to tools: what a tool asks goes the way of every request, to whoever serves the role best.

Rules of this file
- Nothing is asked but through the dispatcher, so that balancing, deadlines, the line and the counts hold for tools too.
- Texts are sheltered here: no document may end its turn in a prompt, whichever tool put it there.
- What a backend answers is its own; what has not the shape that was asked for is its failure (`AnswerUnusable`), and
  another one is asked. Whatever remains is `ModelsAway`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isfinite, sqrt
from typing import Any

import orjson

from router.asking import TokenReader, WholeAnswer
from router.attempt import AnswerUnusable, CallerRefused, Sink
from router.balance.pools import Candidate, Pool
from router.call import CHAT_PATH, call_for, with_role_defaults
from router.config import Config
from router.config_roles import PriorityName
from router.decide.sheltering import sheltered
from router.dispatch import Dispatcher
from router.errors import MaekError
from router.fleet import Fleet
from router.journey import Journey
from router.tools.models import ModelsAway, Vector

EMBEDDINGS_PATH = "/v1/embeddings"
RERANK_PATH = "/v1/rerank"
"""Of Cohere's making; Jina, vLLM and llama.cpp answer to it too."""
MOST_ANSWER_CHARACTERS = 50_000
"""Of one text for a tool: more than any tool shows."""
MOST_DIMENSIONS = 16_384
"""Of a vector; the largest models have a quarter of it."""


@dataclass(frozen=True, slots=True)
class LentModels:
    """`router.tools.models.Models` over the fleet. `journey` tells where the text that a user gets came from."""

    config: Config
    fleet: Fleet
    dispatcher: Dispatcher
    journey: Journey = field(default_factory=Journey)
    priority: PriorityName | None = None
    """Who goes first when nobody has room; None: as the role has it."""

    def serving(self, role: str) -> tuple[str, ...]:
        """See `Models`."""
        return tuple(dict.fromkeys(candidate.model for candidate in self._pool(role)))

    async def complete(self, role: str, messages: Sequence[Mapping[str, str]]) -> str:
        """See `Models`."""
        reader = _bounded_reader()
        safe = [{**message, "content": sheltered(message["content"])} for message in messages]
        body = {"messages": safe, "stream": True, "stream_options": {"include_usage": True}}
        await self._send(role, CHAT_PATH, body, reader, self.journey, partial(self._pool, role))
        if reader.finish_reason == "length":
            raise ModelsAway(f"the answer of {role} was cut at its longest")
        return "".join(reader.text)

    async def embed(self, role: str, model: str, texts: Sequence[str]) -> tuple[Vector, ...]:
        """See `Models`."""

        def running_it() -> Pool:
            return tuple(candidate for candidate in self._pool(role) if candidate.model == model)

        answer = _Read(partial(_vectors, len(texts)))
        await self._send(role, EMBEDDINGS_PATH, {"input": list(texts)}, answer, Journey(), running_it)
        return tuple(answer.value)

    async def rerank(self, role: str, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        """See `Models`."""
        answer = _Read(partial(_relevance, len(texts)))
        body = {"query": query, "documents": list(texts), "top_n": len(texts)}
        await self._send(role, RERANK_PATH, body, answer, Journey(), partial(self._pool, role))
        return tuple(answer.value)

    async def _send(
        self, role: str, path: str, body: Mapping[str, Any], sink: Sink, journey: Journey, pool: Callable[[], Pool]
    ) -> None:
        settings = self.config.router.roles.get(role)
        if settings is None or not pool():
            raise ModelsAway(f"nobody serves {role}")
        asked = with_role_defaults(body, settings) if path == CHAT_PATH else body
        attempts = self.config.router.relay.attempts
        call = call_for(role, settings, path, asked, pool, priority=self.priority, attempts=attempts)
        try:
            await self.dispatcher.send(call, sink, journey)
        except CallerRefused as refusal:
            raise ModelsAway(f"the server of {role} refused the question with HTTP {refusal.status}") from refusal
        except MaekError as error:
            raise ModelsAway(f"{role}: {error.message}") from error

    def _pool(self, role: str) -> Pool:
        """The candidates of a role that are no simulators: those have nothing to say."""
        backends = self.fleet.snapshot().backends

        def real(candidate: Candidate) -> bool:
            state = backends.get(candidate.backend)
            return state is None or not state.spec.simulated

        return tuple(filter(real, self.fleet.pool_of_role(role)))


class _Read(WholeAnswer):
    """A sink for an answer that is not streamed, made into numbers by `read`."""

    def __init__(self, read: Callable[[Any], list[Any]]) -> None:
        super().__init__()
        self.value: list[Any] = []
        self._read = read

    async def chunk(self, data: bytes) -> None:
        """Reads the whole answer."""
        try:
            self.value = self._read(orjson.loads(data))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise AnswerUnusable("its answer has not the shape that was asked for") from error


def _bounded_reader() -> TokenReader:
    told = 0

    async def tell(text: str) -> None:
        nonlocal told
        told += len(text)
        if told > MOST_ANSWER_CHARACTERS:
            raise AnswerUnusable(f"its answer is longer than {MOST_ANSWER_CHARACTERS} characters")

    async def quiet() -> None:
        """Nobody waits for a comment."""

    async def waiting(_position: int, _expected_seconds: float) -> None:
        """Nobody is told."""

    async def loading(_expected_seconds: float) -> None:
        """Nobody is told."""

    return TokenReader(tell, quiet, waiting, loading)


def _vectors(wanted: int, answer: Any) -> list[Vector]:
    """The vectors of an answer to /v1/embeddings, by their index, made as long as 1. Raises ValueError and its kind."""
    rows = _by_index(wanted, answer["data"])
    vectors = [_unit(row["embedding"]) for row in rows]
    if len({len(vector) for vector in vectors}) != 1:
        raise ValueError("vectors of different lengths")
    return vectors


def _unit(numbers: Any) -> Vector:
    if not isinstance(numbers, list) or not 0 < len(numbers) <= MOST_DIMENSIONS:
        raise ValueError("no vector")
    length = sqrt(sum(number * number for number in numbers))
    if not (isfinite(length) and length > 0):
        raise ValueError("a vector without a direction")
    return tuple(number / length for number in numbers)


def _relevance(wanted: int, answer: Any) -> list[float]:
    """The scores of an answer to /v1/rerank, in the order of the texts. Raises ValueError and its kind."""
    scores = [float(row["relevance_score"]) for row in _by_index(wanted, answer["results"])]
    if not all(map(isfinite, scores)):
        raise ValueError("a score that is no number")
    return scores


def _by_index(wanted: int, rows: Any) -> list[Any]:
    """Rows in the order of what was asked: each of them there, once."""
    found = {row["index"]: row for row in rows}
    if len(rows) != wanted or sorted(found) != list(range(wanted)):
        raise ValueError("not one row for each text")
    return [found[index] for index in range(wanted)]
