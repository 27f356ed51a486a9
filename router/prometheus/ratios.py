"""Ratios that dashboards and alerts draw from, each with its numerator and its denominator.

Rules of this file
- Pure: made from the catalogs and the enums whose values are labels, so that a new outcome is in.
- Of a ratio the numerator and the denominator are recorded as well: ratios must not be added up, these may be.
- What says nothing about a backend (a client that left, a wrong request) is in neither of them.
- A counter that nobody has counted yet may be absent: 0 stands in where the denominator is there.
"""

from collections.abc import Iterable, Iterator

from router.decide.decision import Source
from router.decide.errors import UndecidedReason
from router.errors import ToolOutcome
from router.prometheus.chosen import Chosen
from router.prometheus.rule import Recording
from router.spending import Hedged
from sidecar import FAILURES, Outcome, ProbeOutcome

BUDGET_WINDOWS = ("5m", "30m", "1h", "6h")
"""Two pairs, one for a budget that burns fast and one for a slow fire (The Site Reliability Workbook, chapter 5)."""
WINDOW = "5m"
HERE = "job, instance"
BROKEN_TOOL = tuple(outcome for outcome in ToolOutcome if outcome not in {ToolOutcome.OK, ToolOutcome.INVALID})
SPOILT = tuple(outcome for outcome in FAILURES if outcome is not Outcome.SILENT)
"""Failures that a caller may notice. Where one was silent, another backend had answered."""
STATES = (ProbeOutcome.OK, ProbeOutcome.LOADING, ProbeOutcome.SLEEPING, ProbeOutcome.SUSPENDED)


def any_of(values: Iterable[str]) -> str:
    """Values of a label, as a regular expression; they are names of our enums and need no escaping."""
    return "|".join(values)


def ratios(chosen: Chosen) -> Iterator[Recording]:
    """All of them."""
    for window in BUDGET_WINDOWS:
        at = _Window(chosen, window)
        yield from _failed(at, HERE, "instance")
        yield from _lost(at)
        yield from _late(at)
    at = _Window(chosen, WINDOW)
    yield from _failed(at, f"{HERE}, backend", "backend")
    yield from _undecided(at)
    yield from _undecided(_Window(chosen, "30m"))
    yield from _of_requests(at)
    yield from _of_tools(at)
    yield from _of_decisions(at)
    yield from _of_probes(at)


class _Window:
    """Rates over one window, and ratios of them."""

    def __init__(self, chosen: Chosen, nominal: str) -> None:
        self._written = chosen.time(nominal)
        self.nominal = nominal
        self.first_token_seconds = chosen.first_token_seconds

    def rate(self, by: str, selector: str) -> str:
        return f"sum by ({by}) (rate({selector}[{self._written}]))"

    def ratio(self, name: str, part: str, whole: str) -> Iterator[Recording]:
        """Three series: `name` with what counts, what it is a part of, and the ratio of the two."""
        parts, wholes = f"{name}:rate{self.nominal}", f"{name}_of:rate{self.nominal}"
        yield Recording(parts, f"{part}\nor 0 * {whole}")
        yield Recording(wholes, whole)
        yield Recording(f"{name}:ratio_rate{self.nominal}", f"{parts} / ({wholes} > 0)")

    def share(self, name: str, by: str, part: str, whole: str) -> Iterator[Recording]:
        """The same, of two selectors of counters."""
        yield from self.ratio(name, self.rate(by, part), self.rate(by, whole))


def _requests(outcomes: Iterable[str]) -> str:
    return f'maek_requests_total{{outcome=~"{any_of(outcomes)}"}}'


def _failed(at: _Window, by: str, level: str) -> Iterator[Recording]:
    """Requests to backends that failed, of those of which one can say so."""
    yield from at.share(f"{level}:maek_requests_failed", by, _requests(FAILURES), _requests((Outcome.OK, *FAILURES)))


def _lost(at: _Window) -> Iterator[Recording]:
    """Of what was asked of backends, what failed and was not saved by asking again: what users notice."""
    spoilt = at.rate(HERE, _requests(SPOILT))
    saved = at.rate(HERE, f'maek_retries_total{{reason=~"{any_of(SPOILT)}"}}')
    lost = f"clamp_min(\n  {spoilt}\n  - ({saved} or 0 * {spoilt}), 0)"
    answered = at.rate(HERE, _requests((Outcome.OK,)))
    whole = f"(({lost}\n  or 0 * {answered})\n  + ({answered} or 0 * {spoilt}))"
    yield from at.ratio("instance:maek_requests_lost", lost, whole)


def _late(at: _Window) -> Iterator[Recording]:
    """First tokens that came later than they should, of each model. What was in time is a bucket of the histogram."""
    by, name = f"{HERE}, model", "maek_time_to_first_token_seconds"
    every = at.rate(by, f"{name}_count")
    in_time = at.rate(by, f'{name}_bucket{{le="{float(at.first_token_seconds)}"}}')
    yield from at.ratio("model:maek_first_tokens_late", f"{every}\n- {in_time}", every)


def _undecided(at: _Window) -> Iterator[Recording]:
    """Messages that the classifier was to decide and could not."""
    lost = f'maek_decide_fallbacks_total{{stage="{Source.LLM}", reason=~"{any_of(UndecidedReason)}"}}'
    yield from at.share("instance:maek_decide_fallbacks", HERE, lost, "maek_decisions_total")


def _of_requests(at: _Window) -> Iterator[Recording]:
    """Requests that were turned away, sent again, or whose tokens nobody knows; and what hedging was good for."""
    rejected, started = at.rate(HERE, "maek_rejected_total"), at.rate(HERE, "maek_requests_started_total")
    came = f"(({rejected} or 0 * {started})\n+ ({started} or 0 * {rejected}))"
    yield from at.ratio("instance:maek_requests_rejected", rejected, came)
    by = f"{HERE}, backend"
    yield from at.share("backend:maek_retries", by, "maek_retries_total", "maek_requests_started_total")
    answered = _requests((Outcome.OK,))
    yield from at.share("backend:maek_requests_without_usage", by, "maek_requests_without_usage_total", answered)
    won = f'maek_hedges_total{{outcome="{Hedged.WON}"}}'
    yield from at.share("instance:maek_hedges_won", HERE, won, "maek_hedges_total")


def _of_probes(at: _Window) -> Iterator[Recording]:
    """Liveness probes that failed: one that finds a backend loading or asleep has not."""
    bad = f'maek_probes_total{{outcome!~"{any_of(STATES)}"}}'
    yield from at.share("backend:maek_probes_failed", f"{HERE}, backend", bad, "maek_probes_total")


def _of_tools(at: _Window) -> Iterator[Recording]:
    """Calls of a tool that failed by no fault of the caller's."""
    broken = f'maek_tool_calls_total{{outcome=~"{any_of(BROKEN_TOOL)}"}}'
    yield from at.share("tool:maek_tool_calls_failed", f"{HERE}, tool", broken, "maek_tool_calls_total")


def _of_decisions(at: _Window) -> Iterator[Recording]:
    """How often a stage in shadow agreed with the classifier, and which part of the decisions each stage made."""
    by = f"{HERE}, source"
    agreed = 'maek_decide_agreement_total{agrees="yes"}'
    yield from at.share("source:maek_decide_agreement", by, agreed, "maek_decide_agreement_total")
    made, every = at.rate(by, "maek_decisions_total"), at.rate(HERE, "maek_decisions_total")
    of_every = f"0 * {made}\n  + on(job, instance) group_left() {every}"
    yield from at.ratio("source:maek_decisions", made, of_every)
