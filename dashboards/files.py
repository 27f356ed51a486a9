"""The files below grafana/dashboards/: which there are, writing them, comparing them.

Rules of this file
- What is compared is the text, to the letter; a file that would not be written is a difference too.
"""

from pathlib import Path

from dashboards.backend import BACKEND
from dashboards.drawing import drawn
from dashboards.itself import ITSELF
from dashboards.latency import LATENCY
from dashboards.overview import OVERVIEW
from dashboards.runbooks import runbooks

FOLDER = Path(__file__).parent.parent / "grafana" / "dashboards"
PAGES = (OVERVIEW, BACKEND, LATENCY, ITSELF, runbooks())


def texts() -> dict[str, str]:
    """The name of every file, and what stands in it."""
    return {f"{page.uid}.json": drawn(page) for page in PAGES}


def write(folder: Path) -> None:
    """Write them all; what is there beside them goes, for Grafana would load it."""
    folder.mkdir(parents=True, exist_ok=True)
    told = texts()
    for stray in _there(folder) - set(told):
        (folder / stray).unlink()
    for name, text in told.items():
        (folder / name).write_text(text, encoding="utf-8")


def differing(folder: Path) -> list[str]:
    """The names of those that are missing, are not what would be written, or should not be there."""
    told, there = texts(), _there(folder)
    wrong = {name for name in told if name not in there or (folder / name).read_text(encoding="utf-8") != told[name]}
    return sorted(wrong | there - set(told))


def _there(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.json")}
