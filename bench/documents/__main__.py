"""Recall of the document archive: python -m bench.documents [--faq]

Rules of this file
- What is asked is what a user meets: the archive over real files, as `search_full` asks it without a model.
- Every question that misses is printed, with the place at which its text came (-: not at all).
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.documents.corpus import NOT_IN_THEM, QUESTIONS, TEXTS
from bench.documents.faq import PACKAGES, fetched
from router.documents.folder import Folder
from router.documents.local import LocalArchive

DEPTHS = (1, 3, 5, 10)
Question = tuple[str, str]
"""What is asked, and the name of the file that answers it."""


async def ranks(archive: LocalArchive, questions: Iterable[Question]) -> list[int | None]:
    """For every question, at which place its text comes; None where it does not."""
    found = []
    for question, name in questions:
        passages = await archive.passages(question, 100)
        names = list(dict.fromkeys(one.document.path.removesuffix(".md") for one in passages))
        found.append(names.index(name) + 1 if name in names else None)
    return found


async def answered_wrongly(archive: LocalArchive) -> list[str]:
    """The questions that no text answers, and to which passages are given all the same."""
    return [question for question in NOT_IN_THEM if await archive.passages(question, 1)]


def archive_of(texts: Mapping[str, str], folder: Path) -> LocalArchive:
    """An archive of these texts by name."""
    root = (folder / "docs").resolve()
    root.mkdir()
    for name, text in texts.items():
        (root / f"{name}.md").write_text(text, "utf-8")
    archive = LocalArchive(Folder(root, 1_000_000), folder / "data" / "index.sqlite3")
    archive.refreshed_here(lambda _done, _total: None)
    return archive


def report(name: str, texts: int, questions: Sequence[Question], places: Sequence[int | None]) -> None:
    """Recall and mean reciprocal rank, and what is missed."""
    print(f"{name}: {texts} texts, {len(questions)} questions")
    for depth in DEPTHS:
        met = sum(place is not None and place <= depth for place in places)
        print(f"recall@{depth} {met / len(questions):.3f} ({met} of {len(questions)})")
    print(f"mean reciprocal rank {sum(1 / place for place in places if place) / len(questions):.3f}")
    for (question, text), place in zip(questions, places, strict=True):
        if place != 1:
            print(f"  {'-' if place is None else place}  {question} -> {text}")


def own() -> None:
    """Ten texts of our own."""
    with tempfile.TemporaryDirectory() as folder:
        archive = archive_of(TEXTS, Path(folder))
        places = asyncio.run(ranks(archive, QUESTIONS))
        wrongly = asyncio.run(answered_wrongly(archive))
    report("our own", len(TEXTS), QUESTIONS, places)
    print(f"nothing said to what is in no text: {len(NOT_IN_THEM) - len(wrongly)} of {len(NOT_IN_THEM)}")
    for question in wrongly:
        print(f"  !  {question}")


def faq(language: str) -> None:
    """The Debian FAQ."""
    with tempfile.TemporaryDirectory() as folder:
        package, entries = fetched(language, Path(folder))
        archive = archive_of({one.name: one.answer for one in entries}, Path(folder))
        questions = [(one.question, one.name) for one in entries]
        places = asyncio.run(ranks(archive, questions))
    report(package, len(entries), questions, places)


def main() -> None:
    """Print what was found, and what was not."""
    parser = argparse.ArgumentParser(prog="python -m bench.documents")
    parser.add_argument("--faq", action="store_true", help="the Debian FAQ too, fetched by apt-get")
    own()
    for language in PACKAGES if parser.parse_args().faq else ():
        print()
        faq(language)


if __name__ == "__main__":
    main()
