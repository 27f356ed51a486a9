"""Load from a page of Prometheus metrics: the plan and the reader of every engine that has one, and other names for it.

Rules of this file
- Which metric says what is data (`Page`): a server that renames one needs a line in the configuration, no release.
- What the page does not have is unknown. A page that is not there at all (404, 501) was not switched on: unknown too.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from sidecar.engines.body import ratio, whole
from sidecar.engines.engine import NOTHING_READ, Answer, Answers, Ask, Engine, Page, Reading, Selector
from sidecar.engines.promtext import Families, families

NUMBERS = ("running", "waiting", "kv_usage")
"""What a configuration may name a metric for."""

METRICS = Ask("/metrics")

PLACE = re.compile(r"(?::(\d{1,5}))?(/[^\s#]*)")
"""`/path`, or `:PORT/path` for another port of the same host."""

NOT_SWITCHED_ON = frozenset({404, 501})


def plan(page: Page | None, answers: Answers) -> tuple[Ask, ...]:
    """The page, and nothing after it."""
    return () if answers or page is None else (page.ask,)


def read(page: Page | None, answers: Answers) -> Reading:
    """What the page says; nothing where it did not come in time, or is not there."""
    answer = answers[0] if answers else None
    return NOTHING_READ if page is None or answer is None else reading_of(page, answer)


def reading_of(page: Page, answer: Answer) -> Reading:
    """The numbers on a page. Counts are summed over all samples that fit, ratios averaged. Raises `Unreadable`."""
    if answer.status in NOT_SWITCHED_ON:
        return NOTHING_READ
    found = families(answer)
    return Reading(
        running=_count(found, page.running),
        waiting=_waiting(found, page),
        kv_usage_ratio=_kv_usage(found, page.kv_usage),
        slots=_count(found, page.slots) or None,
    )


def _count(found: Families, selectors: tuple[Selector, ...]) -> int | None:
    counts = (whole(found.total(one), str(one)) for one in selectors)
    return next((count for count in counts if count is not None), None)


def _waiting(found: Families, page: Page) -> int | None:
    inside = _count(found, page.waiting)
    if inside is None:
        return None
    return inside + sum(_count(found, (one,)) or 0 for one in page.also_waiting)


def _kv_usage(found: Families, selectors: tuple[Selector, ...]) -> float | None:
    ratios = (ratio(found.mean(one), str(one)) for one in selectors)
    return next((usage for usage in ratios if usage is not None), None)


def place_of(text: str) -> Ask | None:
    """The question for a page at `/path` or `:PORT/path`; None if the text is neither."""
    match = PLACE.fullmatch(text)
    if match is None:
        return None
    port = None if match[1] is None else int(match[1])
    return None if port is not None and not 1 <= port <= 65_535 else Ask(match[2], port=port)


def overridden(engine: Engine, named: Mapping[str, Selector], ask: Ask | None) -> Engine:
    """The engine with other metrics: `named` are those of `NUMBERS` that are read from elsewhere on the page at `ask`.

    An engine that reads a page keeps the other names on it. One that does not is asked for a page instead of what it is
    asked otherwise, and tells what is named.
    """
    if not named and ask is None:
        return engine
    if engine.page is None:
        return replace(engine, page=_renamed(Page(ask or METRICS), named), plan=plan, reader=read)
    return replace(engine, page=_renamed(replace(engine.page, ask=ask or engine.page.ask), named))


def _renamed(page: Page, named: Mapping[str, Selector]) -> Page:
    return replace(
        page,
        running=(named["running"],) if "running" in named else page.running,
        waiting=(named["waiting"],) if "waiting" in named else page.waiting,
        # Whoever names one metric for all that wait does not want another one added.
        also_waiting=() if "waiting" in named else page.also_waiting,
        kv_usage=(named["kv_usage"],) if "kv_usage" in named else page.kv_usage,
    )
