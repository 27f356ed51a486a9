"""The files below grafana/rules/: which there are, writing them, comparing them.

Rules of this file
- What is compared is the text, to the letter.
"""

from pathlib import Path

from router.prometheus.alerts import alerts
from router.prometheus.chosen import Chosen
from router.prometheus.recordings import LOAD, percentile_file, ratio_file
from router.prometheus.rule import RuleFile
from router.prometheus.text import file_text

SHIPPED = Chosen()
"""What is below grafana/rules/, and what is written where nothing is chosen."""


def files(chosen: Chosen = SHIPPED) -> tuple[RuleFile, ...]:
    """All of them, in the order in which Prometheus has to compute them."""
    return (LOAD, ratio_file(chosen), alerts(chosen), percentile_file(chosen))


def texts(chosen: Chosen = SHIPPED) -> dict[str, str]:
    """The name of every file, and what stands in it."""
    return {f"{file.stem}.yaml": file_text(file, chosen) for file in files(chosen)}


def write(folder: Path, chosen: Chosen = SHIPPED) -> None:
    """Write them all; `folder` is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts(chosen).items():
        (folder / name).write_text(text, encoding="utf-8")


def differing(folder: Path, chosen: Chosen = SHIPPED) -> list[str]:
    """The names of those that are missing in `folder` or are not what would be written."""
    return [name for name, text in texts(chosen).items() if _read(folder / name) != text]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
