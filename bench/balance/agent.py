"""What a router is told and what it may do: the contract between the world and every agent.

Rules of this file
- An agent learns what a real router could see, and nothing more: its requests, the ends of its attempts, what stats
  endpoints answer. The output length, the backends' speeds and the faults are hidden from it.
- What only an operator could know is named `true_…`; an agent that reads it declares so by its `Knowledge`.
- Times are virtual seconds since the traffic began. A world calls one agent at a time; every call may act on the world.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple, Protocol


class Knowledge(StrEnum):
    """What an agent was given that it did not find out by itself."""

    NOTHING = "self-configuring"
    WEIGHTS = "true weights"
    EVERYTHING = "clairvoyant"


class Engine(StrEnum):
    """The software of a backend, which says what its endpoints tell."""

    VLLM = "vllm"
    """Running, waiting and the use of the key-value cache."""
    OLLAMA = "ollama"
    """Whether the model is in memory, and nothing about load."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A backend as the router's configuration names it. Its number is its place in `World.backends`."""

    name: str
    engine: Engine
    true_weight: float
    """Its capacity in proportion to the others'."""
    true_slots: int
    """Sequences that it runs at once."""
    true_kv_tokens: int
    """Tokens that its key-value cache holds."""

    @property
    def has_stats(self) -> bool:
        """Whether readings say how much runs and waits."""
        return self.engine is Engine.VLLM


class Request(NamedTuple):
    """What a client asks. How long the answer will be, nobody knows."""

    id: int
    at: float
    """When it was due, from which every latency counts."""
    prompt_tokens: int
    """As a router would estimate them: up to 15 % off."""
    session: int | None = None
    """Who speaks, where the requests of one conversation can be told."""
    blocks: tuple[int, ...] = ()
    """Hashes of the prompt's leading blocks of `BLOCK_TOKENS` tokens; equal prefixes have equal hashes."""


BLOCK_TOKENS = 64
"""Tokens behind one hash of `Request.blocks`."""


@dataclass(eq=False, slots=True)
class Attempt:
    """One sending of a request to a backend. It ends once: finished, failed, or cancelled by the agent.

    The fields are the world's to write, except `note`, which is the agent's own.
    """

    id: int
    request: Request
    backend: int
    sent_at: float
    probe: bool = False
    """A question of the router's own, sent by `World.probe`; nobody waits for its answer."""
    first_token_at: float | None = None
    over: bool = False
    note: Any = None


class FailureKind(StrEnum):
    """How an attempt failed."""

    REFUSED = "refused"
    """Nobody listens."""
    ERROR = "error"
    """A 5xx before the first token."""
    REJECTED = "rejected"
    """A 429: alive, and says when to come again."""
    CUT = "cut"
    """The stream broke off behind its first token."""
    TIMEOUT = "timeout"
    """The client left: `CLIENT_PATIENCE_SECONDS` without a first token."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt ended badly."""

    kind: FailureKind
    delivered_tokens: int = 0
    retry_after_seconds: float | None = None


CLIENT_PATIENCE_SECONDS = 60.0
"""A client without a first token leaves this long after its arrival, wherever its request is."""


class Reading(NamedTuple):
    """What a backend answered when it was polled. None: its engine does not say."""

    at: float
    health_seconds: float
    """How long the answer took."""
    resident: bool
    """Whether the model is in memory."""
    running: int | None = None
    waiting: int | None = None
    kv_usage_ratio: float | None = None


class World(Protocol):
    """What an agent may see at any moment, and what it may do."""

    @property
    def now(self) -> float:
        """The time."""

    @property
    def backends(self) -> Sequence[Offer]:
        """Every backend, in an order that never changes."""

    @property
    def rng(self) -> Random:
        """The agent's own random numbers, the same in every run of a seed."""

    def send(self, request: Request, backend: int) -> Attempt:
        """Send a request that is not over. Sent twice it is a hedge: the first token wins, and the agent cancels the
        other. Raises ValueError when the request is over."""

    def cancel(self, attempt: Attempt) -> None:
        """Close the connection of an attempt; the backend stops working on it. No call follows. Ignored when over."""

    def shed(self, request: Request) -> None:
        """Answer with 429: there is no room. A miss. Attempts under way are cancelled."""

    def fail(self, request: Request) -> None:
        """Answer with an error, after all attempts failed. A miss. Attempts under way are cancelled."""

    def at(self, time: float, key: Hashable) -> None:
        """Have `Agent.wake(key)` called at `time`; a time that has passed means at once, after this call."""

    def ask(self, backend: int) -> None:
        """Poll once, besides `poll_seconds`; the answer comes to `Agent.polled`. Ignored while one is due."""

    def probe(self, backend: int, prompt_tokens: int, output_tokens: int) -> Attempt:
        """Send a small request of the router's own, which costs the backend what any request costs."""

    def prewarm(self, backend: int) -> None:
        """Have the backend load its model, if it is not in memory."""

    def tokens_of(self, attempt: Attempt) -> int:
        """Tokens that came so far, exactly."""

    def last_token_at(self, backend: int) -> float | None:
        """When the last token of any of our attempts came from there; None before the first."""

    def last_gap_seconds(self, backend: int) -> float | None:
        """The time between the two latest tokens of one stream of ours there; None before there were two."""


class Agent(Protocol):
    """A router. Calls come in the order of virtual time; none comes from within another.

    Every attempt ends in exactly one of `finished`, `failed` or the agent's own `World.cancel`. After `failed` the
    request is still the agent's: it sends it again, holds it, sheds it or fails it; except after CUT and TIMEOUT, when
    the request is over. A request that the agent neither sends nor ends waits at the router.
    """

    @property
    def poll_seconds(self) -> float | None:
        """How often each backend is polled; None: never. Read once, before the traffic begins."""

    def arrive(self, request: Request) -> None:
        """A client asks."""

    def first_token(self, attempt: Attempt) -> None:
        """The first token came. With other attempts of the request under way, this is the moment to cancel them."""

    def finished(self, attempt: Attempt, output_tokens: int) -> None:
        """The last token came."""

    def failed(self, attempt: Attempt, failure: Failure) -> None:
        """An attempt ended badly."""

    def abandoned(self, request: Request) -> None:
        """The client left; its attempts have been reported as failed by TIMEOUT just before."""

    def polled(self, backend: int, reading: Reading | None) -> None:
        """What the stats endpoint answered, be it true or not. None: no good answer within `POLL_TIMEOUT_SECONDS`."""

    def wake(self, key: Hashable) -> None:
        """A timer that the agent set with `World.at`."""


POLL_TIMEOUT_SECONDS = 5.0
"""A poll without an answer is given up after this time; a backend has at most one poll outstanding."""
