"""The files below grafana/rules/: which there are, writing them, comparing them.

Rules of this file
- What is compared is the text, to the letter.
"""

from pathlib import Path

from router.prometheus.alerts import ALERTS
from router.prometheus.recordings import LOAD, RATIOS
from router.prometheus.text import RUNBOOKS, file_text

FILES = (LOAD, RATIOS, ALERTS)


def texts(runbooks: str = RUNBOOKS) -> dict[str, str]:
    """The name of every file, and what stands in it."""
    return {f"{file.stem}.yaml": file_text(file, runbooks) for file in FILES}


def write(folder: Path, runbooks: str = RUNBOOKS) -> None:
    """Write them all; `folder` is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts(runbooks).items():
        (folder / name).write_text(text, encoding="utf-8")


def differing(folder: Path, runbooks: str = RUNBOOKS) -> list[str]:
    """The names of those that are missing in `folder` or are not what would be written."""
    return [name for name, text in texts(runbooks).items() if _read(folder / name) != text]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
