"""Our own requests on a backend, counted: how many run, how much of their prompts is still due, who keeps them company.

Rules of this file
- Pure: `Work` is a value, and each step gives a new one. The store takes care that a request starts and ends once.
- started = in_flight + Σ ends, always. Tokens, seconds and moments as the names say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sidecar.facts import Outcome
from sidecar.labels import OTHER


class Share(NamedTuple):
    """Those of the requests on a backend that ask one model."""

    in_flight: int = 0
    running: int = 0
    """As in `Work`."""
    streaming: int = 0
    """Streams that have had their first token."""


NO_SHARE = Share()

End = tuple[str, Outcome]
"""The model, as metrics name it, and how a request to it ended."""


@dataclass(frozen=True, slots=True)
class Work:
    """Counts of one backend."""

    started: int = 0
    in_flight: int = 0
    ends: Mapping[End, int] = field(default_factory=dict)
    awaited: int = 0
    """Streamed requests whose first token is due."""
    due_tokens: int = 0
    """Prompt tokens of those."""
    running: int = 0
    """Requests that get tokens, as far as we can see: streamed ones after their first, and all others."""
    silent_since: float | None = None
    """When a stream began after there had been none: from then on silence means something. None without streams."""
    streams: int = 0
    running_seconds: float = 0.0
    """Integral of `running` over time, up to `changed_at`: a difference of two is the company kept in between."""
    changed_at: float = 0.0
    prompts_through: int = 0
    """Prompt tokens, all together, of the requests that got to their first token."""
    of_model: Mapping[str, Share] = field(default_factory=dict)
    """Model → its part of those in flight, which the server may count by themselves; none for a model without any."""

    @property
    def finished(self) -> dict[Outcome, int]:
        """How many have ended, by how."""
        counts: dict[Outcome, int] = {}
        for (_, outcome), count in self.ends.items():
            counts[outcome] = counts.get(outcome, 0) + count
        return counts

    @property
    def streaming(self) -> int:
        """Streams that have had their first token."""
        return self.streams - self.awaited

    def share(self, model: str) -> Share:
        """What of this is one model's."""
        return self.of_model.get(model, NO_SHARE)

    def _moved(self, model: str, in_flight: int, running: int, streaming: int) -> Mapping[str, Share]:
        known = self.of_model.get(model, NO_SHARE)
        share = Share(known.in_flight + in_flight, known.running + running, known.streaming + streaming)
        others = {name: other for name, other in self.of_model.items() if name != model}
        return {**others, model: share} if share.in_flight else others

    def after_start(self, at: float, prompt_tokens: int, *, streamed: bool, model: str = "") -> "Work":
        """A request was sent."""
        since = at if streamed and not self.streams else self.silent_since
        return Work(
            self.started + 1,
            self.in_flight + 1,
            self.ends,
            self.awaited + streamed,
            self.due_tokens + (prompt_tokens if streamed else 0),
            self.running + (not streamed),
            since,
            self.streams + streamed,
            self.running_seconds_at(at),
            at,
            self.prompts_through,
            self._moved(model, 1, not streamed, 0),
        )

    def after_first_token(self, at: float, prompt_tokens: int, model: str = "") -> "Work":
        """A streamed request got its first token."""
        return replace(
            self,
            awaited=self.awaited - 1,
            due_tokens=self.due_tokens - prompt_tokens,
            running=self.running + 1,
            running_seconds=self.running_seconds_at(at),
            changed_at=at,
            prompts_through=self.prompts_through + prompt_tokens,
            of_model=self._moved(model, 0, 1, 1),
        )

    def after_end(
        self,
        at: float,
        outcome: Outcome,
        due_tokens: int,
        *,
        streamed: bool,
        ran: bool,
        model: str = "",
        told_as: str = OTHER,
    ) -> "Work":
        """A request ended. `ran`: it was counted among the running; else `due_tokens` of its prompt still were due.
        `told_as`: its model, as metrics name it."""
        streams, end = self.streams - streamed, (told_as, outcome)
        return Work(
            self.started,
            self.in_flight - 1,
            {**self.ends, end: self.ends.get(end, 0) + 1},
            self.awaited - (not ran),
            self.due_tokens - (0 if ran else due_tokens),
            self.running - ran,
            self.silent_since if streams else None,
            streams,
            self.running_seconds_at(at),
            at,
            self.prompts_through + (0 if streamed else due_tokens),
            self._moved(model, -1, -ran, -(streamed and ran)),
        )

    def running_seconds_at(self, at: float) -> float:
        """The integral of `running` up to `at`, not before `changed_at`."""
        return self.running_seconds + self.running * max(0.0, at - self.changed_at)
