"""Results → the tables that people read. Pure.

Rules of this file
- A figure is the mean over the seeds; a p99 and a mean latency the geometric mean, as the ratios are of them.
- Where a row is ahead of the policy that is looked at, the same row says in what. Losses are not kept for later.
"""

from collections.abc import Iterable, Mapping, Sequence

from bench.balance.agent import Knowledge
from bench.balance.capacity import Capacity
from bench.balance.comparison import Row, Scores, Target, losses, ratio, ttft_p99
from bench.balance.policies import ALONE, POLICIES
from bench.balance.scenarios import SCENARIOS
from bench.balance.scoring import Estimate, Score, geometric_mean, mean

_MARKS = {Knowledge.NOTHING: "", Knowledge.WEIGHTS: " (w)", Knowledge.EVERYTHING: " (!)"}
LEGEND = (
    "(w): was given true weights. (!): sees everything; no router, a limit. alone: each request by itself on the\n"
    "fastest backend, a bound. good: part of all requests with the first token within 2 s and at most 60 ms a token.\n"
    "Times in seconds from when a request was due. x: TTFT p99 over that of {policy}, with its 95 % interval over the\n"
    "seeds. ahead: in what a row is better than {policy}, as far as the seeds can tell."
)
_HEADER = (
    "policy",
    "good",
    "errors",
    "shed",
    "TTFT p50",
    "p99",
    "x",
    "E2E mean",
    "p50",
    "p99",
    "TPOT p99 ms",
    "probes",
    "hedges",
    "us",
    "ahead",
)


def scenario_table(name: str, scores: Scores, policy: str) -> str:
    """One scenario, a row a policy."""
    some = next(iter(scores.values()))
    seeds = f"{len(some)} seed{'s' if len(some) > 1 else ''}"
    title = f"{name}: {SCENARIOS[name].about} ({seeds}, {mean([one.requests for one in some]):,.0f} requests each)"
    order = [one for one in (*POLICIES, ALONE) if one in scores]
    rows = [_HEADER, *(_scenario_row(one, scores, policy) for one in order)]
    return f"{title}\n{aligned(rows)}"


def _scenario_row(name: str, scores: Scores, policy: str) -> tuple[str, ...]:
    mine, ours = scores[name], scores[policy]

    def middle(figure: str) -> float:
        return geometric_mean(max(1e-6, getattr(one, figure)) for one in mine)

    def average(figure: str) -> float:
        return mean([getattr(one, figure) for one in mine])

    is_limit = name == ALONE
    return (
        _titled(name),
        f"{average('goodput_ratio'):.3f}",
        _small(average("error_ratio"), 3),
        _small(average("shed_ratio"), 3),
        f"{middle('ttft_p50_seconds'):.2f}",
        f"{middle('ttft_p99_seconds'):.2f}",
        "" if name == policy else _interval(ratio(mine, ours, ttft_p99)),
        f"{middle('e2e_mean_seconds'):.2f}",
        f"{middle('e2e_p50_seconds'):.2f}",
        f"{middle('e2e_p99_seconds'):.1f}",
        f"{1000 * middle('tpot_p99_seconds'):.0f}",
        "" if is_limit else f"{average('probes_per_request'):.2f}",
        "" if is_limit else _small(average("hedges_per_request"), 3),
        "" if is_limit else f"{average('decision_us'):.0f}",
        "" if name == policy or is_limit else ", ".join(losses(ours, mine)),
    )


def _titled(name: str) -> str:
    return name + (_MARKS[POLICIES[name].knowledge] if name in POLICIES else "")


def _small(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if value else "-"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def overview(groups: Mapping[str, Scores], policies: Sequence[str]) -> str:
    """Goodput and TTFT p99 of every policy in every scenario: a row a scenario."""
    header = ("good / TTFT p99", *policies)
    rows = [header, *((name, *(_cell(groups[name].get(one)) for one in policies)) for name in groups)]
    return aligned(rows)


def _cell(scores: Sequence[Score] | None) -> str:
    if not scores:
        return "-"
    good = mean([one.goodput_ratio for one in scores])
    late = geometric_mean([one.ttft_p99_seconds for one in scores])
    return f"{good:.3f}/{late:.3g}"


def summary_table(rows: Sequence[Row], policy: str) -> str:
    """How a policy stands in every scenario against the best of the others."""
    header = (
        policy,
        "TTFT p99 /",
        "best alike",
        "E2E mean /",
        "best alike",
        "good -",
        "best peer",
        "TTFT p99 / weighted",
    )
    lines = [(*header, "E2E mean /", "clairvoyant")]
    for row in rows:
        lead = row.goodput_lead
        lines.append(
            (
                row.scenario,
                _shown(row.ttft_ratio),
                row.ttft_peer or "",
                _shown(row.e2e_ratio),
                row.e2e_peer or "",
                "-" if lead is None else f"{100 * lead.value:+.1f} [{100 * lead.low:+.1f}, {100 * lead.high:+.1f}]",
                row.goodput_peer or "",
                _shown(row.weighted_ttft_ratio),
                _shown(row.limit_e2e_ratio),
                row.limit or "",
            )
        )
    return aligned(lines)


def _shown(estimate: Estimate | None) -> str:
    return "-" if estimate is None else _interval(estimate)


def capacity_table(capacities: Iterable[Capacity]) -> str:
    """Requests a second that 95 % of the answers are good at."""
    known = {(one.scenario, one.policy): one.requests_per_second for one in capacities}
    scenarios = [name for name in SCENARIOS if any(scenario == name for scenario, _ in known)]
    policies = [name for name in POLICIES if any(policy == name for _, policy in known)]
    rows: list[tuple[str, ...]] = [("requests/s at 95 % good", *scenarios)]
    for policy in policies:
        cells = (known.get((scenario, policy)) for scenario in scenarios)
        rows.append((_titled(policy), *("-" if cell is None else f"{cell:.2f}" for cell in cells)))
    return aligned(rows)


def target_lines(targets: Iterable[Target]) -> str:
    """Each target, where it stands, and whether that is enough."""
    rows = [("target", "is", "wanted", "")]
    for target in targets:
        sign = ">=" if target.more_is_better else "<="
        verdict = "met" if target.is_met else f"MISSED{f' ({target.where})' if target.where else ''}"
        rows.append((target.words, f"{target.value:.2f}", f"{sign} {target.wanted:g}", verdict))
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns: the first and the last to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last = len(widths) - 1
    return "\n".join(
        "  ".join(
            text.ljust(width) if column in (0, last) else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
