"""docs/runbooks.md as a dashboard, so that whoever is woken up reads it where he is, without any other server.

Rules of this file
- The words are those of the page. A link that leads out of it is left as words, for Grafana has no such file.
"""

import re
from pathlib import Path

from dashboards.panel import Look, Page, Panel, Row

PAGE = Path(__file__).parent.parent / "docs" / "runbooks.md"
UID = "maek-runbooks"
LINES_A_UNIT = 1.6
"""Lines of text that fit into one unit of height, at the width of a laptop."""
CHARACTERS_A_LINE = 130


def sections() -> dict[str, str]:
    """Of every alert what the page says, in its order."""
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    split = (part.partition("\n") for part in parts)
    return {title.strip(): text.strip() for title, _, text in split if title.startswith("Maek")}


ORDER = {alert: number for number, alert in enumerate(sections(), 2)}
"""The number of every alert's panel: the row above them is 1."""


def address(alert: str) -> str:
    """Where the runbook of an alert is, in the same Grafana."""
    return f"/d/{UID}?viewPanel={ORDER[alert]}"


def runbooks() -> Page:
    """The page as a dashboard."""
    return Page(
        uid=UID,
        title="Maek: what to do",
        about="A runbook for every alert: what it means, what to look at, what to do. Written from docs/runbooks.md.",
        rows=(Row(title="Alerts, the most severe first", panels=tuple(map(_panel, sections().items()))),),
        choices=(),
    )


def _panel(section: tuple[str, str]) -> Panel:
    alert, words = section
    lines = sum(1 + len(line) // CHARACTERS_A_LINE for line in words.splitlines())
    return Panel(
        title=alert,
        tells=f"What to look at and what to do when {alert} fires.",
        look=Look.TEXT,
        text=re.sub(r"\[([^]]+)\]\(([^)]+)\)", _link, words),
        width=24,
        height=3 + round(lines / LINES_A_UNIT),
    )


def _link(found: re.Match[str]) -> str:
    words, target = found[1], found[2]
    known = {f"#{alert.lower()}": alert for alert in ORDER}
    if target in known:
        return f"[{words}]({address(known[target])})"
    return f"[{words}]({target})" if target.startswith("http") else words
