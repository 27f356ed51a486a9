"""How well and how quickly dates are read.

    python -m bench.decide.dates --data DIR [--rounds 5] [--wrong]

Rules of this file
- `dates_gold.jsonl` holds messages of MASSIVE 1.1 (Amazon, CC BY 4.0; FitzGerald et al. 2022, Bastianelli et al. 2020)
  and what they mean on Wednesday, 2026-11-25 at ten o'clock in Seoul, as one person judged: those of `train` with the
  reading at hand, those of `dev` and `unseen` blind; nothing was changed for what `unseen` showed.
- Recall is of the spans that MASSIVE marks as date or time: found when three quarters of the
  letters of a span stand in phrases. Many of them are no dates ("soon", "before they close"); nothing is taken out.
- CPU time of this process, and beside it how long `sum(range(100_000))` takes here: about 1 ms on an ordinary machine.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from time import process_time_ns
from typing import Any
from zoneinfo import ZoneInfo

from router.decide.folding import fold
from router.decide.phrases import find
from router.decide.time_scan import scan
from router.decide.time_words import KIND
from router.decide.when import When, read_when

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=ZoneInfo("Asia/Seoul"))
GOLD = Path(__file__).with_name("dates_gold.jsonl")
ORDINARY_LETTERS = 60
"""Of an ordinary message."""
ENOUGH_OF_A_SPAN = 0.75

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pace:
    """Microseconds of one message."""

    mean: float
    median: float
    worst_of_a_hundred: float
    yardstick_ms: float
    """Of `sum(range(100_000))`, at the same time."""


def main() -> int:
    """Returns the exit status: 1 when the gold is read worse than it has to be."""
    parser = argparse.ArgumentParser(prog="python -m bench.decide.dates", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="where massive_{ko,en}_{train,dev}.jsonl are")
    parser.add_argument("--rounds", type=int, default=5, help="how often each message is timed (5)")
    parser.add_argument("--wrong", action="store_true", help="what is read wrong, line by line")
    arguments = parser.parse_args()
    gold = [json.loads(line) for line in GOLD.read_text("utf-8").splitlines()]
    wrong = [row for row in gold if meant(row) != read(row)]
    print(f"{'gold':<12}{'right':>9}{'of':>6}")
    for name, rows in parts(gold).items():
        print(f"{name:<12}{1 - sum(row in wrong for row in rows) / len(rows):>9.1%}{len(rows):>6}")
    if arguments.wrong:
        for row in wrong:
            print(f"  {row['id']} {row['text']}\n    meant {meant(row)}\n    read  {read(row)}", file=sys.stderr)
    if arguments.data:
        _told_of_massive(arguments.data)
    print(f"\n{'speed':<12}{'mean µs':>9}{'median':>9}{'p99':>9}{'yardstick ms':>14}")
    for language in ("ko", "en"):
        texts = [fold(row["text"]) for row in gold if f"-{language}-" in row["id"]]
        pace = paced([text for text in texts if len(text) <= ORDINARY_LETTERS], arguments.rounds)
        print(
            f"{language:<12}{pace.mean:>9.1f}{pace.median:>9.1f}{pace.worst_of_a_hundred:>9.1f}{pace.yardstick_ms:>14.2f}"
        )
    return 0 if len(wrong) <= len(gold) * 0.05 else 1


def parts(gold: list[Row]) -> dict[str, list[Row]]:
    """The rows by split and language."""
    names = [(split, language) for split in ("train", "dev", "unseen") for language in ("ko", "en")]
    return {
        f"{split} {language}": [row for row in gold if row["split"] == split and f"-{language}-" in row["id"]]
        for split, language in names
    }


def meant(row: Row) -> Row:
    """What a row means, without what it does not name."""
    return {key: value for key, value in row.items() if key not in {"id", "split", "text", "plans"}}


def read(row: Row) -> Row:
    """What is read in a row, in its words."""
    when = read_when(fold(row["text"]), NOW)
    if when.several:
        return {"several": True}
    if row.get("plans") and when.coming:
        return _told(when, when.coming, when.coming)
    return _told(when, when.day, when.last_day)


def _told(when: When, first: date | None, last: date | None) -> Row:
    said: dict[str, date | time | None] = {
        "day": first,
        "last_day": last,
        "begins": when.begins,
        "ends": when.ends,
        "before": when.before,
        "after": when.after,
    }
    return {
        key: at.isoformat("minutes") if isinstance(at, time) else at.isoformat()
        for key, at in said.items()
        if at is not None
    }


def _told_of_massive(folder: Path) -> None:
    print(f"\n{'MASSIVE':<12}{'recall':>9}{'spans':>7}{'read without a span':>22}{'of':>7}")
    for split in ("train", "dev"):
        for language in ("ko", "en"):
            counts = recalled((folder / f"massive_{language}_{split}.jsonl").read_text("utf-8").splitlines())
            print(
                f"{split + ' ' + language:<12}{counts['found'] / counts['spans']:>9.1%}{counts['spans']:>7}"
                f"{counts['read without']:>22}{counts['without']:>7}"
            )


def recalled(lines: list[str]) -> Counter[str]:
    """How many marked spans there are and are found; how many messages have none, and are read all the same."""
    counts: Counter[str] = Counter()
    for line in lines:
        text, spans = marked(json.loads(line)["annot"])
        places = places_read(text)
        for start, end in spans:
            letters = [at for at in range(start, end) if not text[at].isspace()]
            counts["spans"] += 1
            counts["found"] += sum(at in places for at in letters) >= ENOUGH_OF_A_SPAN * len(letters)
        when = read_when(text, NOW)
        counts["without"] += not spans
        counts["read without"] += not spans and (when.day is not None or when.begins is not None)
    return counts


def marked(annotated: str) -> tuple[str, list[tuple[int, int]]]:
    """The text of "wake me at [time : nine am]", and where its dates and times stand."""
    text, at = "", 0
    spans = []
    for slot in re.finditer(r"\[(\w+) : ([^\]]*)\]", annotated):
        text += annotated[at : slot.start()]
        if slot[1] in {"date", "time"}:
            spans.append((len(text), len(text) + len(slot[2].strip())))
        text += slot[2].strip()
        at = slot.end()
    return text + annotated[at:], spans


def places_read(text: str) -> set[int]:
    """Where the phrases and the words of repetition stand."""
    return {at for start, end in _phrases(text) for at in range(start, end)}


def _phrases(text: str) -> Iterator[tuple[int, int]]:
    yield from ((found.start, found.end) for found in find(text, NOW.date())[1])
    yield from ((token.start, token.end) for token in scan(text)[1] if token.kind == KIND["repeat"])


def paced(texts: list[str], rounds: int) -> Pace:
    """The quickest of some rounds for each message: what others do on the machine only makes it slower."""
    taken = sorted(min(_microseconds(text) for _ in range(rounds)) for text in texts)
    begin = process_time_ns()
    for _ in range(20):
        sum(range(100_000))
    yardstick_ms = (process_time_ns() - begin) / 20 / 1e6
    return Pace(sum(taken) / len(taken), taken[len(taken) // 2], taken[len(taken) * 99 // 100], yardstick_ms)


def _microseconds(text: str) -> float:
    begin = process_time_ns()
    read_when(text, NOW)
    return (process_time_ns() - begin) / 1e3


if __name__ == "__main__":
    sys.exit(main())
