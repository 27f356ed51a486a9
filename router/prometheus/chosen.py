"""What the operator chooses about the rules; everything else in them is the same for everybody.

Rules of this file
- Pure. Times are written as Prometheus writes them (`5m`), and every one of a rule goes through `Chosen.time`.
- Limits that stand in the configuration of Maek are not chosen here: rules read them from the exported thresholds.
"""

from dataclasses import dataclass

from router.catalog import FIRST_TOKEN_BUCKETS

RUNBOOKS = "docs/runbooks.md"
"""Where the runbooks are, unless told otherwise: the page in this project, wherever that is kept."""
FIRST_TOKEN_SECONDS = 10
"""Whoever has waited so long for a first word has begun to do something else. A large model on a small machine may need
longer for every question: then that is the place for another number."""
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Chosen:
    """How the rules are to be written."""

    runbooks: str = RUNBOOKS
    """The address of the page; `#` and the name of the alert in small letters are added."""
    first_token_seconds: float = FIRST_TOKEN_SECONDS
    """A later first token is late. One of the bounds of the histogram, for nothing else can be counted."""
    faster: int = 1
    """For rehearsals: so many times as short is every window, and every time that an alert must hold."""

    def __post_init__(self) -> None:
        if self.first_token_seconds not in FIRST_TOKEN_BUCKETS:
            known = ", ".join(f"{bound:g}" for bound in FIRST_TOKEN_BUCKETS)
            raise ValueError(f"first tokens are counted up to {known} seconds, not {self.first_token_seconds:g}")
        if self.faster < 1:
            raise ValueError("rules can be written faster, not slower")

    def seconds(self, nominal: str) -> float:
        """How long `5m` lasts in these rules, in seconds."""
        number = nominal.rstrip("msh")
        return int(number) * SECONDS[nominal.removeprefix(number)] / self.faster

    def time(self, nominal: str) -> str:
        """How `5m` is written in these rules."""
        return nominal if self.faster == 1 else f"{round(self.seconds(nominal) * 1000)}ms"
