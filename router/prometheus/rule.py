"""A rule of Prometheus, and files of them.

Rules of this file
- Data only. Expressions are PromQL as it is written into grafana/rules/.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Values of the label `severity`."""

    CRITICAL = "critical"
    """Users feel it now: wake somebody up."""
    WARNING = "warning"
    """Somebody should look, today."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that Prometheus computes and keeps."""

    record: str
    """`labels that are left:metric:what was done`."""
    expr: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that somebody wants to be told of."""

    name: str
    expr: str
    held: str
    """How long it must hold, as Prometheus writes it: `10m`. It is the rule's `for`."""
    severity: Severity
    summary: str
    """One line; `{{ $labels.backend }}` and the like are filled in by Prometheus."""
    description: str
    """What it means for users, in a sentence or two. What to do stands on the page of the runbook."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file below grafana/rules/, which is one group."""

    stem: str
    """`load`: the file is load.yaml, the group maek-load."""
    about: str
    """The comment at its head."""
    rules: Sequence[Recording | Alert]
