"""What dashboards ask Prometheus, with Grafana's variables filled in.

Rules of this file
- Read from the files as Grafana reads them, not from the code that wrote them.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
VARIABLES = {"$__rate_interval": "20s", "$job": ".*", "$instance": ".*", "$backend": ".*", "$model": ".*"}
"""As for somebody who has chosen everything, and looks closely."""


class Asked(NamedTuple):
    """One question of a dashboard."""

    dashboard: str
    panel: str
    """Its title; of an annotation its name."""
    expr: str


def dashboards() -> dict[str, Any]:
    """Every dashboard, by its uid."""
    read = (json.loads(file.read_text(encoding="utf-8")) for file in FILES)
    return {one["uid"]: one for one in read}


def panels(dashboard: Mapping[str, Any]) -> list[Any]:
    """Its panels, without the rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def asked() -> list[Asked]:
    """Every question of every panel and every annotation."""
    return [Asked(uid, title, filled(expr)) for uid, one in dashboards().items() for title, expr in _written(one)]


def filled(expr: str) -> str:
    """A question as Grafana sends it."""
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    return expr


def _written(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in panels(dashboard):
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))
    yield from ((mark["name"], mark["expr"]) for mark in dashboard["annotations"].get("list", ()))
