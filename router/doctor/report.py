"""The doctor's report on a terminal.

Rules of this file
- Pure. What is not well stands out by a word, not by a colour alone.
"""

from collections.abc import Iterator, Sequence

from router.doctor.finding import Area, Finding, Grade, count, in_order
from router.language import pick
from router.terminal.cells import cells, clean, left, wrapped
from router.terminal.words import Word, Words, say

AREAS: Words = {
    "config": Word("설정", "configuration"),
    "machine": Word("이 컴퓨터", "this machine"),
    "names": Word("이름(DNS)", "names (DNS)"),
    "tls": Word("TLS 인증서", "TLS certificates"),
    "backends": Word("백엔드", "backends"),
    "clock": Word("시계", "clock"),
    "tools": Word("도구", "tools"),
    "chat": Word("시험 대화", "test chats"),
}
GRADES: Words = {"ok": Word("정상", "ok"), "warning": Word("주의", "warning"), "problem": Word("문제", "PROBLEM")}
GRADE_CELLS = 9
MOST_SUBJECT_CELLS = 24


def report(findings: Sequence[Finding], language: str, width: int) -> list[str]:
    """Every finding under the heading of its area, then what it comes to."""
    lines: list[str] = []
    area: Area | None = None
    for finding in in_order(findings):
        if finding.area is not area:
            area = finding.area
            lines += [*([""] if lines else []), say(AREAS, area, language)]
        lines += _lines(finding, language, width)
    return [*lines, "", summary(findings, language)]


def _lines(finding: Finding, language: str, width: int) -> Iterator[str]:
    subject = clean(finding.subject)
    found = clean(pick(language, ko=finding.found.ko, en=finding.found.en))
    head = f"  {left(say(GRADES, finding.grade, language), GRADE_CELLS)}"
    told = f"{subject}: {found}" if subject else found
    room = max(20, width - cells(head))
    for number, part in enumerate(wrapped(told, room)):
        yield (head if number == 0 else " " * cells(head)) + part
    if finding.advice is not None:
        advice = clean(pick(language, ko=finding.advice.ko, en=finding.advice.en))
        for number, part in enumerate(wrapped(advice, room - 3)):
            yield " " * cells(head) + ("→ " if number == 0 else "  ") + part


def summary(findings: Sequence[Finding], language: str) -> str:
    """How many of each."""
    problems, warnings = count(findings, Grade.PROBLEM), count(findings, Grade.WARNING)
    wells = count(findings, Grade.OK)
    return pick(
        language,
        ko=f"문제 {problems}개, 주의 {warnings}개, 정상 {wells}개",
        en=f"{problems} problem(s), {warnings} warning(s), {wells} ok",
    )
