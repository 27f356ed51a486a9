"""How far requests have come: cells that are written at every token, too often to be facts.

Rules of this file
- The store owns them and hands them out; whoever relays an answer writes, whoever chooses a backend reads.
- Only moments and counts. What follows from them is not decided here.
"""

from collections.abc import Hashable, Mapping
from copy import copy
from dataclasses import dataclass, field
from math import inf
from typing import Any

from sidecar.labels import OTHER
from sidecar.levels import Level
from sidecar.prefixes import Prefixes

PACE_SECONDS = 2.0
"""What counts as "lately": tokens of two seconds ago have a third of the weight of those of now."""


@dataclass(frozen=True, slots=True)
class Booking:
    """What a request met when it was sent."""

    model: str
    role: str
    prompt_tokens: int
    """To be computed: what is expected to come out of the cache is not."""
    cached_tokens: float
    """Of the prompt, as many as may have been in the cache."""
    streamed: bool
    tokens_ahead: float
    """Prompt tokens that stand before its first token, its own among them."""
    running: float
    """Sequences that ran then, others' included."""
    company: float
    """Requests on the backend before it that share its slots, others' clients included."""
    cold: bool
    """The model was not in memory."""
    loading: bool = False
    """Somebody had begun to load it: the rest of that measures no load."""
    running_seconds: float = 0.0
    """The backend's integral of that name."""
    predicted_seconds: float | None = None
    """To the first token, as whoever chose the backend reckoned."""
    told_as: str = OTHER
    """The model, as metrics name it."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A pulse at one moment, as a value: tokens are no facts, but whoever was asked saw them."""

    last_token_at: float | None = None
    gap_seconds: float | None = None
    prompts_per_token: float = 0.0
    so_far: Mapping[str, int] = field(default_factory=dict)
    """Request → tokens, of those in flight that have any."""
    held: Mapping[str, int] = field(default_factory=dict)
    """Signal of load → how many of its thresholds it had reached."""


class Pulse:
    """The beat of one backend's tokens, over all its requests."""

    __slots__ = (
        "_prompts",
        "_seconds",
        "_tokens",
        "beats",
        "held",
        "held_at",
        "last_token_at",
        "level",
        "places",
        "prefixes",
        "tokens",
        "transitions",
        "worked_out",
    )

    def __init__(self) -> None:
        self.last_token_at: float | None = None
        self._seconds = 0.0
        self._tokens = 0.0
        self._prompts = 0.0
        self.beats = 0
        """Goes on with whatever is written here or in the places: equal numbers mean that the cells say the same."""
        self.held: Mapping[str, int] = {}
        """The levels that each signal of load had reached. It rests on tokens too, and so is no fact; the store writes
        it."""
        self.held_at = -inf
        """When that was looked at last."""
        self.level: Level | None = None
        """Of load, when that was looked at last; None before anything was known."""
        self.transitions: Mapping[Level, int] = {}
        """Level → how often the backend was found there after it had been at another one. The store writes it."""
        self.tokens = 0
        """That ever came."""
        self.places: dict[str, Progress] = {}
        """The requests in flight."""
        self.prefixes: dict[str, Prefixes] = {}
        """Model → the beginnings of prompts that it may have in its cache."""
        self.worked_out: dict[Hashable, Any] = {}
        """What readers worked out last from the state and these cells, so that they need not while nothing has changed:
        each under a key of its own, with all that tells whether it still holds."""

    def move(self) -> None:
        """The backend is at another place from now on."""
        self.beats += 1
        self._seconds = self._tokens = self._prompts = 0.0
        self.held = {}
        self.level = None
        self.prefixes = {}
        for place in self.places.values():
            place.moved = True

    def stands_at(self, level: Level | None) -> None:
        """The backend was looked at and found at this level; None: nothing is known, and the last one still counts."""
        if level is None or level is self.level:
            return
        if self.level is not None:
            # A new mapping: copies of this share it.
            self.transitions = {**self.transitions, level: self.transitions.get(level, 0) + 1}
        self.level = level

    @property
    def gap_seconds(self) -> float | None:
        """Time a token took lately, in the mean over tokens; None before a stream had two."""
        return self._seconds / self._tokens if self._tokens else None

    @property
    def prompts_per_token(self) -> float:
        """Prompt tokens of ours that were worked off lately, for each token that came; 0 before a stream had two."""
        return self._prompts / self._tokens if self._tokens else 0.0

    def still(self) -> "Pulse":
        """A copy that nobody writes to."""
        still = copy(self)
        still.worked_out = {}
        still.places = {request: copy(place) for request, place in self.places.items()}
        return still

    @property
    def rhythm(self) -> Rhythm:
        """What the cells say now."""
        so_far = {request: place.tokens for request, place in self.places.items() if place.tokens}
        return Rhythm(self.last_token_at, self.gap_seconds, self.prompts_per_token, so_far, self.held)

    def recall(self, rhythm: Rhythm) -> None:
        """Say again what was said once."""
        self.beats += 1
        self.last_token_at = rhythm.last_token_at
        self._seconds, self._tokens = (0.0, 0.0) if rhythm.gap_seconds is None else (rhythm.gap_seconds, 1.0)
        self._prompts = rhythm.prompts_per_token
        self.held = rhythm.held
        for request, place in self.places.items():
            place.tokens = rhythm.so_far.get(request, 0)

    def cached_tokens(self, model: str, blocks: tuple[int, ...]) -> int:
        """Tokens of a prompt that `model` may have in its cache."""
        known = self.prefixes.get(model)
        return 0 if known is None or not blocks else known.cached_tokens(blocks)

    def beat(self, now: float, gap_seconds: float, tokens: int, prompt_tokens: int = 0) -> None:
        """So many tokens of one stream came at `now`, so long after those before; or the first one of a stream, which
        says that its prompt was worked off."""
        if self.last_token_at is not None:
            # Close to exp(−age), and cheaper: this runs for every chunk.
            keep = 1 / (1 + (now - self.last_token_at) / PACE_SECONDS)
            self._seconds = self._seconds * keep + gap_seconds
            self._tokens = self._tokens * keep + tokens
            self._prompts = self._prompts * keep + prompt_tokens
        self.last_token_at = now
        self.beats += 1


class Progress:
    """How far one request in flight has come."""

    __slots__ = (
        "booking",
        "company_at_first",
        "first_at",
        "last_at",
        "moved",
        "prompts_at_first",
        "pulse",
        "started_at",
        "tokens",
    )

    def __init__(self, started_at: float, pulse: Pulse, booking: Booking) -> None:
        self.pulse = pulse
        self.booking = booking
        self.started_at = started_at
        self.first_at: float | None = None
        """When the first token came."""
        self.last_at: float | None = None
        self.tokens = 0
        self.prompts_at_first = 0
        """The backend's `prompts_through` then."""
        self.company_at_first: float | None = None
        """The backend's `running_seconds` at the first token; None while that has not been reported."""
        self.moved = False
        """The backend is at another place by now: what becomes of this request says nothing about that one."""

    def token(self, now: float, tokens: int = 1) -> None:
        """So many tokens of the answer came at `now`."""
        if self.last_at is None:
            if self.first_at is None:  # else it was reported, and what was learnt since rests on that
                self.first_at = now
            self.pulse.beat(now, 0.0, 0, self.booking.prompt_tokens)
        else:
            self.pulse.beat(now, now - self.last_at, tokens)
        self.last_at = now
        self.tokens += tokens
        self.pulse.tokens += tokens
