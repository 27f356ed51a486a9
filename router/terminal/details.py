"""More about the one backend that is selected: who it is, what sets its level, how its requests went.

Rules of this file
- Pure: a row in, always the same number of lines out, so that the table above does not move.
"""

from collections.abc import Mapping
from typing import Any

from router.language import pick
from router.terminal.cells import Line, Span, Style, clean
from router.terminal.columns import short_age, short_ms, state_text
from router.terminal.fleet import Row, failures
from router.terminal.words import LEVELS, OUTCOMES, SIGNAL_NAMES, say

DETAIL_LINES = 5
SECONDS = frozenset({"silence", "inference_latency", "health_latency", "probe_age"})
"""Signals whose numbers are seconds."""


def details(row: Row, language: str) -> list[Line]:
    """The lines, the first of them blank."""
    return [(), _who(row), _state(row, language), _first_tokens(row, language), _requests(row, language)]


def _who(row: Row) -> Line:
    told = row.told
    software = " ".join(str(part) for part in (told.get("engine"), told.get("engine_version")) if part)
    roles: Mapping[str, Any] = told.get("roles") or {}
    named = " ".join(f"{role}={model}" for role, model in roles.items())
    beside = "  ".join(clean(part) for part in (software, str(told.get("url") or ""), named) if part)
    return (Span(clean(row.name), Style.BOLD), Span(f"  {beside}"))


def _state(row: Row, language: str) -> Line:
    load: Mapping[str, Any] = row.told.get("load") or {}
    signals: Mapping[str, float] = load.get("signals") or {}
    # What was last heard of a backend that is down no longer holds.
    told = {} if row.state == "down" else {name: value for name, value in signals.items() if value}
    spans = [Span(_state_text(row, language), Style.BOLD)]
    for name, value in told.items():
        style = Style.WARN if name == row.set_by else Style.DIM
        spans += [Span("  "), Span(_signal(name, value, language), style)]
    return tuple(spans)


def _state_text(row: Row, language: str) -> str:
    if row.state != "up" or row.level is None or row.set_by is None:
        return state_text(row, language)
    level, by = say(LEVELS, row.level, language), say(SIGNAL_NAMES, row.set_by, language)
    return pick(language, ko=f"{level} (기준: {by})", en=f"{level}, set by {by}")


def _signal(name: str, value: float, language: str) -> str:
    return f"{say(SIGNAL_NAMES, name, language)} {short_ms(value * 1000) if name in SECONDS else f'{value:.3g}'}"


def _first_tokens(row: Row, language: str) -> Line:
    if row.first_token_ms is None:
        return (Span(pick(language, ko="아직 잰 첫 토큰이 없습니다", en="no first token measured yet"), Style.DIM),)
    came, predicted = short_ms(row.first_token_ms), short_ms(row.predicted_ms)
    age = short_age(row.first_token_seconds_ago or 0.0, language)
    text = pick(
        language,
        ko=f"첫 토큰 {came}, 예상 {predicted} (10여 건의 평균, 마지막 {age})",
        en=f"first token {came}, predicted {predicted} (mean of ten or so, the last {age})",
    )
    return (Span(text),)


def _requests(row: Row, language: str) -> Line:
    sent, failed = row.told.get("started") or 0, failures(row.told)
    text = pick(language, ko=f"보낸 요청 {sent:,}, 실패 {failed:,}", en=f"{sent:,} requests sent, {failed:,} failed")
    if row.others:
        others = pick(
            language, ko=f", 다른 클라이언트의 요청 {row.others:,}", en=f", {row.others:,} there of other clients"
        )
        text += others
    if row.failure is None:
        return (Span(text),)
    outcome, seconds_ago = say(OUTCOMES, row.failure[0], language), short_age(row.failure[1], language)
    last = pick(language, ko=f"  마지막 실패: {outcome}, {seconds_ago}", en=f"  last failure: {outcome}, {seconds_ago}")
    return (Span(text), Span(last, Style.BAD))
