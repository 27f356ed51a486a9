"""What stands on a dashboard: rows of panels, each with its queries and with what it tells.

Rules of this file
- Data only. How Grafana wants it is told in `dashboards.drawing`.
- A panel says what to see in it and what to think of it, in words for somebody who was woken up.
"""

from dataclasses import dataclass
from enum import StrEnum

from grafana_foundation_sdk.models import units


class Look(StrEnum):
    """How a panel looks."""

    LINES = "lines"
    STACKED = "stacked"
    """Areas upon one another: parts of one whole."""
    NUMBER = "number"
    STATES = "states"
    """Bands of colour over time, one for each series."""
    HEAT = "heat"
    """Buckets of a histogram over time, with exemplars."""
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus."""

    expr: str
    legend: str = "__auto"
    """`{{label}}` is filled in by Grafana."""


@dataclass(frozen=True, slots=True)
class Word:
    """A number, in words."""

    value: int
    text: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. Width in 24ths of the page, height in Grafana's units of 38 pixels."""

    title: str
    tells: str
    queries: tuple[Query, ...] = ()
    look: Look = Look.LINES
    unit: str = units.Short
    width: int = 12
    height: int = 8
    highest: float | None = None
    """Of the axis; None: as it comes."""
    words: tuple[Word, ...] = ()
    steps: tuple[tuple[float, str], ...] = ()
    """Values from which on a colour holds; below the first it is green."""
    dashed: str = ""
    """A regular expression: series with such names are limits, and are drawn dashed."""
    nothing: str = ""
    """What is shown where there is no value, of a number."""
    alerts: tuple[str, ...] = ()
    """Alerts whose runbooks the panel leads to."""
    text: str = ""
    """Markdown, of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels below a title."""

    title: str
    panels: tuple[Panel, ...]
    each: str = ""
    """A variable: the row is there once for each of its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One dashboard."""

    uid: str
    title: str
    about: str
    rows: tuple[Row, ...]
    choices: tuple[str, ...] = ("job", "instance", "backend", "model")
    """What can be chosen at the top, beside the source of the data."""
