"""Sentences of Maek's own for the intent model: how people ask a Korean assistant for things, and what is near it.

Rules of this file
- Written for this project, so that no other licence than the project's own is on them. No sentence is taken from a
  corpus.
- Reproducible: the same seed gives the same sentences in the same order.

The public corpora leave gaps that matter here. Their assistants' Korean is mostly translated, so natural endings are
missing; and their only free conversation is a lonely heart's, so that without more of it "sounds like talking" would
mean small talk. Most of these sentences are therefore negatives.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path

from bench.decide.row import Row

PHRASES = Path(__file__).with_name("own_phrases.txt")
SEED = 20
_SLOT = re.compile(r"\{(\w+)\}")
_MAX_TRIES = 20


def own_rows(path: Path = PHRASES) -> Iterator[Row]:
    """Every sentence once. A line of the file is `slot = a / b / c` or `label count: template`."""
    slots: dict[str, list[str]] = {}
    chance = random.Random(SEED)
    seen: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if slot := re.fullmatch(r"(\w+) = (.*)", line):
            slots.setdefault(slot[1], []).extend(part.strip() for part in slot[2].split(" / "))
            continue
        head, template = line.split(": ", 1)
        label, count = head.split()
        for number in range(int(count)):
            text = _filled(template, slots, chance)
            text = _spoken(text, chance) if number % 3 == 2 else text
            if text not in seen:
                seen.add(text)
                language = "ko" if re.search("[가-힣]", text) else "en"
            yield Row(f"own-{len(seen):05}", text, label, "own", "", language)


def _filled(template: str, slots: dict[str, list[str]], chance: random.Random) -> str:
    """The template with a word in every slot; a slot's words may have slots. "_" stands for nothing."""
    for _ in range(_MAX_TRIES):
        found = _SLOT.search(template)
        if found is None:
            break
        template = template.replace(found[0], chance.choice(slots[found[1]]), 1)
    return " ".join(template.replace("_", "").split())


def _spoken(text: str, chance: random.Random) -> str:
    """As people type: a space or all of them gone, or a letter doubled."""
    way = chance.randrange(4)
    if way == 0 and len(text) < 30:
        return text.replace(" ", "") if "가" <= text[0] <= "힣" else text
    if way == 1 and " " in text:
        places = [at for at, character in enumerate(text) if character == " "]
        at = chance.choice(places)
        return text[:at] + text[at + 1 :] if "가" <= text[0] <= "힣" else text
    if way == 2:
        return text + chance.choice(("!", ".", "~", "요", " 부탁해", " 제발"))
    return text.rstrip("?") + chance.choice(("?", "??", "", ""))
