"""A folder that an operator names."""

from pathlib import Path

from sidecar.config import refused

DIRECTORY_WANTED = "an absolute path, or one that begins with ~/"


def check_directory(text: str) -> str:
    if "\0" in text or not (text.startswith("~/") or Path(text).is_absolute()):
        raise refused(DIRECTORY_WANTED)
    return text
