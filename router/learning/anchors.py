"""Everyday messages that come with Maek: learning must not make it worse on them.

Rules of this file
- The file is made by `python -m bench.decide.anchors` from sentences written for this project.
"""

from functools import lru_cache
from importlib.resources import files

import orjson

from router.decide.intent.labels import Label
from router.learning.lessons import Lesson

FILE = "anchors.jsonl"


@lru_cache(maxsize=1)
def anchors() -> tuple[Lesson, ...]:
    """All of them."""
    lines = files("router.learning").joinpath(FILE).read_bytes().splitlines()
    return tuple(Lesson(row["text"], Label(row["label"])) for row in map(orjson.loads, lines))
