import re
from pathlib import Path

import pytest

from router.decide.folding import fold
from router.decide.when import When, read_when
from tests.router.decide.given import NOW

DOC = (Path(__file__).resolve().parents[3] / "docs" / "dates.md").read_text("utf-8")


def rows(head: str) -> list[tuple[str, ...]]:
    """The rows of the table that begins with that line."""
    table = DOC.partition(head)[2].partition("\n\n")[0].strip().splitlines()[1:]
    return [tuple(cell.strip() for cell in re.split(r"\|", row)[1:-1]) for row in table]


def told(when: When) -> tuple[str, str, str]:
    day = "" if when.day is None else str(when.day)
    days = day if when.day == when.last_day else f"{day}..{when.last_day}"
    times = "-".join(at.isoformat("minutes") for at in (when.begins, when.ends) if at)
    also = [
        "bare hour" if when.bare_hour else "",
        f"after {when.after:%H:%M}" if when.after else "",
        f"before {when.before:%H:%M}" if when.before else "",
        "repeats" if when.repeats else "",
    ]
    return days, times, ", ".join(word for word in also if word)


@pytest.mark.parametrize("row", rows("| message | day | time | also |\n"), ids=lambda row: row[0])
def test_what_the_table_says_is_read_is_read(row: tuple[str, ...]) -> None:
    message, *meant = row
    when = read_when(fold(message), NOW)
    assert told(when) == tuple(meant)
    assert not when.several
    assert not when.impossible


@pytest.mark.parametrize("row", rows("| message | impossible |\n"), ids=lambda row: row[0])
def test_what_the_table_says_is_refused_is_refused(row: tuple[str, ...]) -> None:
    message, words = row
    assert read_when(fold(message), NOW).impossible == (words,)
