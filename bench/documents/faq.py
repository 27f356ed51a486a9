"""A corpus that nobody here wrote: the Debian FAQ, in English and in its Korean translation, as Debian packages it.

Rules of this file
- Every section is a question and its answer. The answer alone is a document; the question alone is what is asked, so
  that not a word of it is in the text unless its author repeated it.
- Nothing is kept: the packages are fetched with `apt-get download` into a folder that goes away.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lxml import html

PACKAGES = {"en": "debian-faq", "ko": "debian-faq-ko"}
LEAST_CHARACTERS = 80
"""Of an answer; shorter ones send the reader somewhere else."""
_NUMBER = re.compile(r"^\s*\d+(?:\.\d+)*\.?\s*")
_HANGUL = re.compile("[가-힣]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A question of the FAQ, and the text that answers it."""

    name: str
    question: str
    answer: str


def fetched(language: str, folder: Path) -> tuple[str, list[Entry]]:
    """The package with its version, and its entries. Raises CalledProcessError where apt cannot get it."""
    package = PACKAGES[language]
    subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    (archive,) = folder.glob(f"{package}_*.deb")
    subprocess.run(["dpkg-deb", "-x", archive.name, language], cwd=folder, check=True)
    pages = sorted((folder / language / "usr/share/doc/debian/FAQ").rglob(f"*.{language}.html"))
    entries = [entry for page in pages for entry in _entries(page)]
    if language == "ko":  # some sections were never translated
        entries = [one for one in entries if _HANGUL.search(one.question) and _HANGUL.search(one.answer)]
    return archive.stem, entries


def _entries(page: Path) -> list[Entry]:
    found = []
    for section in html.parse(str(page)).getroot().find_class("section"):
        titles = section.xpath("./div[contains(@class, 'titlepage')]//*[contains(@class, 'title')]")
        for inner in section.xpath("./div[contains(@class, 'section') or contains(@class, 'titlepage')]"):
            inner.drop_tree()
        answer = section.text_content().strip()
        if titles and len(answer) >= LEAST_CHARACTERS:
            title = " ".join(_NUMBER.sub("", titles[0].text_content()).split())
            found.append(Entry(f"{page.stem.split('.')[0]}-{len(found)}", title, answer))
    return found
