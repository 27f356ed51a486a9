"""What the operator set for jobs, as it is used here. Values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.jobs.store import Keeping
from router.jobs.transitions import Patience


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Who may be told of ends, and how stubbornly."""

    allow: tuple[str, ...]
    secret: str = field(repr=False)
    patience: Patience


@dataclass(frozen=True, slots=True)
class JobSettings:
    """How jobs are run and kept."""

    concurrency: int
    """Jobs of one pool at the same time, where `pools` has no other number."""
    pools: Mapping[str, int]
    patience: Patience
    deadline_seconds: float
    """For a job that names none."""
    keeping: Keeping
    webhooks: Webhooks

    def most_in(self, pool: str) -> int:
        """How many of a pool may run at the same time."""
        return self.pools.get(pool, self.concurrency)
