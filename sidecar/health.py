"""Is a backend up? A table of what each probe outcome means, and one step.

Rules of this file
- Pure: the verdict after an outcome is a function of the verdict before and the outcome.
- One success brings a backend back. One refusal takes it down, since nobody listens there; other failures have to
  come in a row, since a busy server is slow before it is dead.
- Requests speak here too: a refused request is as good as a refused probe. What a caller did wrong, and a client that
  left, say nothing.
"""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto
from typing import assert_never

from sidecar.facts import Outcome, ProbeOutcome


class Verdict(StrEnum):
    """What Maek holds a backend to be."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Evidence(Enum):
    """What an outcome says about the health of a backend."""

    ALIVE = auto()
    LOADING = auto()
    SLEEPING = auto()
    SUSPENDED = auto()
    FAILURE = auto()
    DEAD = auto()
    SILENT = auto()


EVIDENCE_OF_PROBE = {
    ProbeOutcome.OK: Evidence.ALIVE,
    ProbeOutcome.LOADING: Evidence.LOADING,
    ProbeOutcome.SLEEPING: Evidence.SLEEPING,
    ProbeOutcome.SUSPENDED: Evidence.SUSPENDED,
    ProbeOutcome.REFUSED: Evidence.DEAD,
    ProbeOutcome.CONNECT_TIMEOUT: Evidence.FAILURE,
    ProbeOutcome.READ_TIMEOUT: Evidence.FAILURE,
    ProbeOutcome.BAD_STATUS: Evidence.FAILURE,
    ProbeOutcome.BAD_BODY: Evidence.FAILURE,
}

EVIDENCE_OF_REQUEST = {
    Outcome.OK: Evidence.ALIVE,
    Outcome.REFUSED: Evidence.DEAD,
    # The circuit breaker weighs these; the liveness probe is the judge of liveness.
    Outcome.BACKEND_ERROR: Evidence.SILENT,
    Outcome.TRUNCATED: Evidence.SILENT,
    Outcome.TIMEOUT: Evidence.SILENT,
    Outcome.SILENT: Evidence.SILENT,
    # A full server, a long answer, a wrong request and a client that left are no evidence at all.
    Outcome.REJECTED: Evidence.SILENT,
    Outcome.OVERLONG: Evidence.SILENT,
    Outcome.CALLER_ERROR: Evidence.SILENT,
    Outcome.CLIENT_GONE: Evidence.SILENT,
}


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict, how many failures stand in a row, and what else a server that is up says of itself.

    At most one of `loading`, `sleeping` and `suspended` holds.
    """

    verdict: Verdict = Verdict.UNKNOWN
    failures: int = 0
    loading: bool = False
    """It still reads its weights: nothing is served yet."""
    sleeping: bool = False
    """It gave its memory back while nobody asked; the next request wakes it, and pays for the load."""
    suspended: bool = False
    """Its operator put it to sleep; a request does not wake it, so it gets none."""

    @property
    def available(self) -> bool:
        """Up, and a request would be served: at once, or once it has woken the server."""
        return self.verdict is Verdict.UP and not (self.loading or self.suspended)

    def after(self, evidence: Evidence, failures_to_down: int) -> "Health":
        """The health once `evidence` came in. `failures_to_down` ≥ 1 failures in a row take a backend down."""
        match evidence:
            case Evidence.ALIVE:
                return WELL
            case Evidence.LOADING:
                return Health(Verdict.UP, loading=True)
            case Evidence.SLEEPING:
                return Health(Verdict.UP, sleeping=True)
            case Evidence.SUSPENDED:
                return Health(Verdict.UP, suspended=True)
            case Evidence.DEAD:
                return Health(Verdict.DOWN, self.failures + 1)
            case Evidence.FAILURE:
                failures = self.failures + 1
                if failures >= failures_to_down:
                    return Health(Verdict.DOWN, failures)
                return replace(self, failures=failures)
            case Evidence.SILENT:
                return self
            case _:
                assert_never(evidence)


WELL = Health(Verdict.UP)
"""Of whom nothing but good is known. One instance, so that those can be told apart at a glance."""
