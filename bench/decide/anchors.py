"""Writes the everyday messages that learning is held against: `python -m bench.decide.anchors`.

Rules of this file
- Of Maek's own sentences the same number of every label, chosen by the digest of their text: the same sentences give
  the same file.
"""

from hashlib import sha256
from pathlib import Path

import orjson

from bench.decide.own import own_rows
from router.decide.intent.labels import ACCEPTED, Label
from router.learning.anchors import FILE

PLACE = Path("router/learning") / FILE
OF_EACH = 60
OF_OTHERS = 300
"""Of everything that must be left alone: that is where learning does harm."""


def anchor_lines() -> bytes:
    """The file."""
    chosen: dict[Label, list[str]] = {}
    for row in sorted(own_rows(), key=lambda row: sha256(row.text.encode()).digest()):
        label = Label(row.label) if row.label in ACCEPTED else Label.OTHER
        texts = chosen.setdefault(label, [])
        if len(texts) < (OF_OTHERS if label is Label.OTHER else OF_EACH):
            texts.append(row.text)
    rows = [{"label": label, "text": text} for label in sorted(chosen) for text in chosen[label]]
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


if __name__ == "__main__":
    PLACE.write_bytes(anchor_lines())
