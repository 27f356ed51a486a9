"""Recall of the document archive on a small corpus of our own: python -m bench.documents

Rules of this file
- What is asked is what a user meets: the archive over real files, as `search_full` asks it.
- Every question that misses is printed.
"""

import asyncio
import tempfile
from pathlib import Path

from bench.documents.corpus import NOT_IN_THEM, QUESTIONS, TEXTS
from router.documents.folder import Folder
from router.documents.local import LocalArchive

DEPTHS = (1, 5)


async def ranks(archive: LocalArchive) -> list[int | None]:
    """For every question, at which place its text comes; None where it does not."""
    found = []
    for question, title in QUESTIONS:
        passages = await archive.passages(question, 100)
        titles = list(dict.fromkeys(one.document.title for one in passages))
        found.append(titles.index(title) + 1 if title in titles else None)
    return found


async def answered_wrongly(archive: LocalArchive) -> list[str]:
    """The questions that no text answers, and to which passages are given all the same."""
    return [question for question in NOT_IN_THEM if await archive.passages(question, 1)]


def main() -> None:
    """Print recall, and what is missed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "docs").resolve()
        root.mkdir()
        for title, text in TEXTS.items():
            (root / f"{title}.md").write_text(text, "utf-8")
        archive = LocalArchive(Folder(root, 1_000_000), Path(folder, "data", "index.sqlite3"))
        archive.refreshed_here(lambda _done, _total: None)
        places = asyncio.run(ranks(archive))
        wrongly = asyncio.run(answered_wrongly(archive))
    print(f"{len(TEXTS)} texts, {len(QUESTIONS)} questions")
    for depth in DEPTHS:
        met = sum(place is not None and place <= depth for place in places)
        print(f"recall@{depth} {met / len(QUESTIONS):.3f} ({met} of {len(QUESTIONS)})")
    for (question, title), place in zip(QUESTIONS, places, strict=True):
        if place != 1:
            print(f"  {'-' if place is None else place}  {question} -> {title}")
    print(f"nothing said to what is in no text: {len(NOT_IN_THEM) - len(wrongly)} of {len(NOT_IN_THEM)}")
    for question in wrongly:
        print(f"  !  {question}")


if __name__ == "__main__":
    main()
