"""Records of a run → the figures that policies are compared by. Pure.

Rules of this file
- Nothing gets better by not being answered. A request without a first token counts as `MISS_SECONDS` in the times to
  the first token; one that did not finish counts as that in the times to the end, or as longer if it took longer.
- A stream that was cut off had its first token when it had it: no router can save what runs where a backend dies, and
  its time to the first token would drown in that. It is an error and no good answer all the same.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from bench.balance.agent import CLIENT_PATIENCE_SECONDS
from bench.balance.fleets import SLO_TPOT_SECONDS, SLO_TTFT_SECONDS
from bench.balance.world import Outcome, Record, Run

MISS_SECONDS = CLIENT_PATIENCE_SECONDS
_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Score:
    """What one policy came to in one run."""

    requests: int
    goodput_ratio: float
    """Part of all requests that met the objective: first token within 2 s, then at most 60 ms a token."""
    error_ratio: float
    """Part that did not finish, for whatever reason; those that were shed are among them."""
    shed_ratio: float
    ttft_p50_seconds: float
    ttft_p99_seconds: float
    e2e_p50_seconds: float
    e2e_p99_seconds: float
    e2e_mean_seconds: float
    tpot_p99_seconds: float
    """Of the answers that finished."""
    probes_per_request: float
    """Polls and probes, which cost the backends little or much."""
    hedges_per_request: float
    retries_per_request: float
    decision_us: float


def scored(run: Run, from_seconds: float) -> Score:
    """The score of the requests that were due at `from_seconds` or later."""
    records = [record for record in run.records if record.at >= from_seconds]
    count, everything = len(records), max(1, len(run.records))
    firsts = [MISS_SECONDS if record.first_token_seconds is None else record.first_token_seconds for record in records]
    ends = [
        record.end_seconds if record.outcome is Outcome.FINISHED else max(MISS_SECONDS, record.end_seconds)
        for record in records
    ]
    paces = [pace for pace in map(pace_of, records) if pace is not None]
    return Score(
        requests=count,
        goodput_ratio=_part(is_good, records),
        error_ratio=_part(lambda record: record.outcome is not Outcome.FINISHED, records),
        shed_ratio=_part(lambda record: record.outcome is Outcome.SHED, records),
        ttft_p50_seconds=percentile(firsts, 0.5),
        ttft_p99_seconds=percentile(firsts, 0.99),
        e2e_p50_seconds=percentile(ends, 0.5),
        e2e_p99_seconds=percentile(ends, 0.99),
        e2e_mean_seconds=sum(ends) / max(1, count),
        tpot_p99_seconds=percentile(paces, 0.99),
        probes_per_request=(run.polls + run.probes) / everything,
        hedges_per_request=run.hedges / everything,
        retries_per_request=run.retries / everything,
        decision_us=run.decision_us,
    )


def pace_of(record: Record) -> float | None:
    """Seconds for each token behind the first; None for an answer that did not finish."""
    if record.outcome is not Outcome.FINISHED or record.first_token_seconds is None:
        return None
    return (record.end_seconds - record.first_token_seconds) / max(1, record.output_tokens - 1)


def is_good(record: Record) -> bool:
    """Whether an answer met the objective."""
    pace, first = pace_of(record), record.first_token_seconds
    return pace is not None and first is not None and first <= SLO_TTFT_SECONDS and pace <= SLO_TPOT_SECONDS


def _part(holds: Callable[[Record], bool], records: Sequence[Record]) -> float:
    return sum(map(holds, records)) / max(1, len(records))


def percentile(values: Sequence[float], part: float) -> float:
    """The percentile between its two neighbours in proportion; of nothing, 0."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def geometric_mean(values: Iterable[float]) -> float:
    """The geometric mean of positive values; of nothing, not a number."""
    logarithms = [math.log(max(1e-9, value)) for value in values]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, and the interval that holds it with 95 % confidence."""

    value: float
    low: float
    high: float


def bootstrapped(samples: Sequence[float], of: Callable[[Sequence[float]], float]) -> Estimate:
    """`of` the samples, one a seed, and how far it moves when the seeds are drawn anew (Efron 1979)."""
    rng = Random(len(samples))
    moved = [of(rng.choices(samples, k=len(samples))) for _ in range(_RESAMPLES)]
    return Estimate(of(samples), percentile(moved, 0.025), percentile(moved, 0.975))


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean; of nothing, not a number."""
    return sum(values) / len(values) if values else math.nan
