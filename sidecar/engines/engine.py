"""What an engine is to Maek: a plan of questions and a way to read the answers.

Rules of this file
- Data and types only. An engine never performs a question; `sidecar.probe` does.
- Unknown is `None`, never 0: a server that does not say how busy it is has said nothing.
- Liveness and statistics are different questions with different deadlines. A server too busy to print its statistics
  is busy, not dead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Liveness(StrEnum):
    """What one liveness answer says. Refusals and timeouts are told apart by the probe, not here."""

    OK = "ok"
    LOADING = "loading"
    SLEEPING = "sleeping"
    """Out of memory while idle; the next request wakes it."""
    SUSPENDED = "suspended"
    """Put to sleep by its operator, who alone can wake it: until then no request is served."""
    BAD_STATUS = "bad_status"
    BAD_BODY = "bad_body"


class StructuredOutput(StrEnum):
    """How this engine's OpenAI-compatible chat door is asked for JSON of a given schema."""

    RESPONSE_FORMAT = "response_format"
    """`response_format: {"type": "json_schema", "json_schema": {"name", "schema", "strict"}}`."""
    NONE = "none"
    """Not at all: the prompt has to ask, and the answer has to be checked."""


class ModelKind(StrEnum):
    """What a model is good for, as far as the server or its name tells."""

    CHAT = "chat"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: an HTTP request without the base URL."""

    path: str
    method: str = "GET"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a backend offers."""

    name: str
    kind: ModelKind = ModelKind.CHAT
    parameters: float | None = None
    """How many weights, from the server's word or from the name ("qwen3:30b" → 3e10); None when neither tells."""
    size_bytes: int | None = None
    loaded: bool | None = None
    """In memory right now; None when the server does not say."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How busy a backend says that it is, at one moment. None is unknown."""

    running: int | None = None
    """Requests being worked on now, from all clients."""
    waiting: int | None = None
    """Requests accepted but not begun."""
    kv_usage_ratio: float | None = None
    """Part of the key-value cache in use, 0..1."""
    slots: int | None = None
    """Requests that can be worked on at once."""
    total_requests: int | None = None
    """Requests since the server started, where it counts them."""

    @property
    def active_jobs(self) -> int | None:
        """Running plus waiting; None unless the server said how many are running."""
        if self.running is None:
            return None
        return self.running + (self.waiting or 0)


NOTHING_READ = Reading()


class Unreadable(ValueError):
    """An answer that is not what this engine answers. Its text says what was found instead."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One kind of server: which questions to ask it, and how its answers read.

    Readers are pure. `read_stats` and `read_models` get one entry per question, in the order of the questions; None
    stands where no usable answer came (refused, timed out). They raise `Unreadable` for an answer that makes no sense,
    and return what is known otherwise. They raise nothing else, whatever the bytes.
    """

    name: str
    title: str
    """The name people know it by, for the status page and the logs."""
    liveness: Ask
    read_liveness: Callable[[Answer], Liveness]
    models: tuple[Ask, ...]
    read_models: Callable[[tuple[Answer | None, ...]], tuple[Model, ...]]
    stats: tuple[Ask, ...] = ()
    """Empty where the server has no endpoint for load: then only Maek's own count of its requests is known."""
    more_stats: Callable[[tuple[Answer | None, ...]], tuple[Ask, ...]] = lambda _answers: ()
    """The next questions that the answers so far call for; none ends the asking.

    A server that would load or wake a model in order to answer is first asked whether it would. Ask `stats`, then what
    this gives for all answers so far, until it gives nothing (three rounds at most); `read_stats` gets all the answers.
    """
    read_stats: Callable[[tuple[Answer | None, ...]], Reading] = lambda _answers: NOTHING_READ
    structured_output: StructuredOutput = StructuredOutput.RESPONSE_FORMAT
    assumed_slots: int | None = None
    """Requests at once when neither the operator nor the server tells: the engine's own documented default."""
