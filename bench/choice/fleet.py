"""A fleet at work in virtual time: a store full of facts, streams whose tokens come, and requests that come and end.

Rules of this file
- Everything that the store knows it was told by facts, as in life. Nothing here chooses.
- Time is virtual and the same for all policies; only what they do in between differs.
"""

from collections import deque

from router.balance.choice import Choice
from router.balance.demand import Demand
from router.balance.pools import Candidate
from sidecar import (
    BackendAdded,
    BackendSpec,
    FirstTokenCame,
    Outcome,
    Progress,
    RequestFinished,
    RequestStarted,
    Snapshot,
    Store,
)
from sidecar.engines.engine import Model
from sidecar.facts import HealthProbed, ModelsListed, ProbeOutcome

ROLE = "reasoner"
MODEL = "model"
SLOTS = 8
PROMPT_TOKENS = 900
ANSWER_TOKENS = 100
TOKEN_SECONDS = 0.02
FIRST_TOKEN_SECONDS = 0.3
BURST_SECONDS = 0.0002
"""Between two choices of a burst: hardly anything has changed since the last one."""
LEARNT_FROM = 6
"""Answers of each backend before anything is measured: enough for its speed to be trusted."""
COMMON_BLOCKS = (11, 12, 13)
"""Of a system prompt that everybody sends: some 800 tokens, as hashes."""


class Fleet:
    """So many backends of `SLOTS` slots: the first is idle, the next has one stream, and so on up to one that is full.

    One in four has never told its slots.
    """

    def __init__(self, many: int) -> None:
        self.now = 0.0
        self.store = Store()
        self.pool = tuple(Candidate(f"backend-{number}", MODEL) for number in range(many))
        self._streams: deque[tuple[Candidate, str, Progress]] = deque()
        """Those that have tokens, the next to get one first."""
        self._due = 0.0
        self._requests = 0
        self._tokens = 0
        for number, candidate in enumerate(self.pool):
            self._add(candidate, None if number % 4 == 3 else SLOTS)
        for _ in range(LEARNT_FROM):
            self._answer_one_each()
        for number, candidate in enumerate(self.pool):
            for _ in range(_busy(number)):
                self._start(candidate)
        self.work(TOKEN_SECONDS * ANSWER_TOKENS / 2)

    @property
    def turnover_seconds(self) -> float:
        """Between two ends of answers, and so between two requests."""
        return ANSWER_TOKENS * TOKEN_SECONDS / max(1, len(self._streams))

    def snapshot(self) -> Snapshot:
        """Everything known now."""
        return self.store.snapshot(self.now)

    def demand(self, blocks: tuple[int, ...]) -> Demand:
        """Of the next request."""
        self._requests += 1
        return Demand(ROLE, PROMPT_TOKENS, blocks=blocks, number=self._requests)

    def work(self, seconds: float) -> None:
        """Time goes by, and streams get the tokens that are due."""
        self._due += len(self._streams) * seconds / TOKEN_SECONDS
        tokens = int(self._due)
        self._due -= tokens
        began = self.now
        for number in range(tokens):
            self.now = began + seconds * (number + 1) / tokens
            self._streams[0][2].token(self.now)
            self._streams.rotate(-1)
        self.now = began + seconds

    def take(self, choice: Choice) -> None:
        """The request of a choice is sent; its first token comes; another answer there comes to its end.

        So as much runs after it as did before it, in the same places.
        """
        assert choice.winner is not None
        candidate = choice.winner.candidate
        self._start(candidate, choice.scene.demand.blocks)
        oldest = next(stream for stream in self._streams if stream[0] == candidate)
        self._streams.remove(oldest)
        self._end(*oldest)

    def _add(self, candidate: Candidate, slots: int | None) -> None:
        name = candidate.backend
        self.store.apply(BackendAdded(0.0, BackendSpec(name, f"http://{name}:1", engine="vllm", slots=slots)))
        self.store.apply(ModelsListed(0.0, name, (Model(MODEL, loaded=True),)))
        self.store.apply(HealthProbed(0.0, name, ProbeOutcome.OK, 3.0))

    def _answer_one_each(self) -> None:
        for candidate in self.pool:
            self._start(candidate)
        self.work(TOKEN_SECONDS * ANSWER_TOKENS)
        while self._streams:
            self._end(*self._streams.popleft())

    def _start(self, candidate: Candidate, blocks: tuple[int, ...] = COMMON_BLOCKS) -> None:
        """A request is sent; it was sent a moment ago, so that its first token can come now."""
        self._requests += 1
        name, request = candidate.backend, str(self._requests)
        sent_at = max(0.0, self.now - FIRST_TOKEN_SECONDS)
        sent = RequestStarted(sent_at, name, request, MODEL, ROLE, PROMPT_TOKENS, streamed=True, blocks=blocks)
        self.store.apply(sent)
        place = self.store.progress(name, request)
        assert place is not None
        place.token(self.now)
        self.store.apply(FirstTokenCame(self.now, name, request))
        self._streams.append((candidate, request, place))

    def _end(self, candidate: Candidate, request: str, place: Progress) -> None:
        end = RequestFinished(
            self.now, candidate.backend, request, Outcome.OK, place.tokens, last_token_at=place.last_at
        )
        self.store.apply(end)


def _busy(number: int) -> int:
    return number % (SLOTS + 1)
