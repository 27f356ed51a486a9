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
    port: int | None = None
    """Of the same host, where it is not the backend's own."""

    def __str__(self) -> str:
        """As it is shown to people: `GET /metrics`, or `GET :8002/metrics` on another port."""
        return f"{self.method} {'' if self.port is None else f':{self.port}'}{self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Answers = tuple[Answer | None, ...]
"""One for each question, in the order of the questions; None where no usable answer came (refused, timed out)."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a backend offers. None is unknown throughout."""

    name: str
    kind: ModelKind = ModelKind.CHAT
    parameters: float | None = None
    """How many weights, from the server's word or from the name ("qwen3:30b" → 3e10); None when neither tells."""
    size_bytes: int | None = None
    """Of its weights, as they lie on the disk."""
    loaded: bool | None = None
    """In memory right now, ready to answer."""
    loading: bool = False
    """On its way into memory: `loaded` is False until it is there."""
    memory_bytes: int | None = None
    """What it takes in memory with its caches: on the accelerator and beside it."""
    accelerator_bytes: int | None = None
    """The part of `memory_bytes` that is on the accelerator. Less than all of it makes a slow model."""
    context_tokens: int | None = None
    """The longest context that it takes as it runs now."""
    expires_in_seconds: float | None = None
    """Until it leaves memory unless it is asked again: 0 or more, counted from the answer that said so."""

    @property
    def offer(self) -> "Model":
        """What is offered, whether it is in memory or not: the same model with nothing that changes as it runs."""
        return Model(self.name, self.kind, self.parameters, self.size_bytes)


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


@dataclass(frozen=True, slots=True)
class Selector:
    """Samples of one family of Prometheus metrics: those that have all of these labels."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """As it is written in a configuration: `name{label="value"}`."""
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in self.labels.items())
        return self.name + (f"{{{labels}}}" if labels else "")


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of Prometheus metrics, and what says load on it: of each number the first of its names that is there."""

    ask: Ask
    running: tuple[Selector, ...] = ()
    waiting: tuple[Selector, ...] = ()
    also_waiting: tuple[Selector, ...] = ()
    """Requests that wait elsewhere: each of these that is there is added."""
    kv_usage: tuple[Selector, ...] = ()
    slots: tuple[Selector, ...] = ()


class Unreadable(ValueError):
    """An answer that is not what this engine answers. Its text says what was found instead."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One kind of server: which questions to ask it, and how its answers read.

    Readers are pure. They raise `Unreadable` for an answer that makes no sense, return what is known otherwise, and
    raise nothing else, whatever the bytes.
    """

    name: str
    title: str
    """The name people know it by, for the status page and the logs."""
    liveness: Ask
    read_liveness: Callable[[Answer], Liveness]
    models: tuple[Ask, ...]
    read_models: Callable[[Answers], tuple[Model, ...]]
    condition: Ask | None = None
    """Asked after a good answer to `liveness`, where a server that lives may still be loading or asleep."""
    read_condition: Callable[[Answer], Liveness] = lambda _answer: Liveness.OK
    """OK for anything that says nothing of the kind: whether it lives has been answered already."""
    page: Page | None = None
    """Its Prometheus metrics, where its load is read from them."""
    plan: Callable[[Page | None, Answers], tuple[Ask, ...]] = lambda _page, _answers: ()
    """The questions about load that follow the answers so far (at first none); none ends the asking.

    A server that would load or wake a model in order to answer is first asked whether it would. None at all where the
    server has nothing to tell: then only Maek's own count of its requests is known.
    """
    reader: Callable[[Page | None, Answers], Reading] = lambda _page, _answers: NOTHING_READ
    stats_hint: str = ""
    """What the operator has to do for load to be told, where it is not told by default."""
    load: Callable[[Model], Ask | None] = lambda _model: None
    """What has a model loaded, wants nothing of it, and does not change how long it stays; None: nothing does.

    The answer may come once it is there, or before; the list of models tells.
    """
    structured_output: StructuredOutput = StructuredOutput.RESPONSE_FORMAT
    assumed_slots: int | None = None
    """Requests at once when neither the operator nor the server tells: the engine's own documented default."""
    slots_per_model: bool = False
    """Whether each model in memory has so many slots of its own, so that requests to one do not wait for those to
    another."""

    def asks(self, answers: Answers = ()) -> tuple[Ask, ...]:
        """The next questions about load, after the answers so far. Three rounds at most are asked."""
        return self.plan(self.page, answers)

    def read_stats(self, answers: Answers) -> Reading:
        """The load that all the answers tell. Raises `Unreadable`."""
        return self.reader(self.page, answers)
