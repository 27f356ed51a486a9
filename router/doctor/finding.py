"""What the doctor found: one line of the report.

Rules of this file
- Pure. Whatever is not well says what to do; the constructors leave no other way.
- Nothing here is a secret: texts of others go through `redacted` before they get here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from router.language import pick
from router.terminal.words import Word


class Grade(StrEnum):
    """How well something is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and not as its operator would expect."""
    PROBLEM = "problem"
    """Something that is configured does not work."""


class Area(StrEnum):
    """What is looked at, in the order of the report."""

    CONFIG = "config"
    MACHINE = "machine"
    NAMES = "names"
    TLS = "tls"
    BACKENDS = "backends"
    CLOCK = "clock"
    TOOLS = "tools"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `advice` is there unless the grade is OK."""

    area: Area
    subject: str
    """What it is of: a backend, a host, a role; empty where the area has only one thing."""
    grade: Grade
    found: Word
    advice: Word | None = None


def well(area: Area, subject: str, found: Word) -> Finding:
    """Nothing to do."""
    return Finding(area, subject, Grade.OK, found)


def doubtful(area: Area, subject: str, found: Word, advice: Word) -> Finding:
    """A warning."""
    return Finding(area, subject, Grade.WARNING, found, advice)


def broken(area: Area, subject: str, found: Word, advice: Word) -> Finding:
    """A problem."""
    return Finding(area, subject, Grade.PROBLEM, found, advice)


def same(text: str) -> Word:
    """A text that is the same in both languages: a name, a number, a sentence that comes in one only."""
    return Word(text, text)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """As the report has them: by area, else as they are."""
    areas = [*Area]
    return sorted(findings, key=lambda finding: areas.index(finding.area))


def count(findings: Sequence[Finding], grade: Grade) -> int:
    """How many are of a grade."""
    return sum(finding.grade is grade for finding in findings)


def as_json(finding: Finding, language: str) -> dict[str, Any]:
    """For programs; texts in the language asked for."""
    advice = finding.advice
    return {
        "area": finding.area,
        "subject": finding.subject,
        "grade": finding.grade,
        "found": pick(language, ko=finding.found.ko, en=finding.found.en),
        "advice": None if advice is None else pick(language, ko=advice.ko, en=advice.en),
    }
