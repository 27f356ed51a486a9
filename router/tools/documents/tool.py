"""The document archive: questions answered from it, and searches in it.

Rules of this file
- Every operation tells the user beforehand that the archive is being looked into, because it takes a while.
- `ask` has a model answer from what was found, with its sources. Where no model answers, or not from them, the passages
  are quoted as they stand, and it says that it quotes. Where nothing is found, it says so.
- What a document says is data. It is shown as a quotation, line by line, and never followed.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from router.errors import ToolFailed
from router.language import pick
from router.tools.documents.answering import Answer, Unfounded, founded, question
from router.tools.documents.archive import Archive, ArchiveFailed, Document, Holdings, Passage
from router.tools.documents.ranking import RANKED_PASSAGES, Rankers, ranked
from router.tools.models import ModelsAway
from router.tools.parameters import Params, described
from router.tools.spec import Operation, Run, Tool, ToolCall, ToolResult
from router.tools.unconfigured import refusing

log = logging.getLogger(__name__)

NAME = "document"
NOTICE_KO = "서고를 확인하는 중입니다"
NOTICE_EN = "Checking the archive"
TIMEOUT_SECONDS = 660.0
"""More than the searching, the ranking and the longest `answer_seconds` together: each of them has a deadline of its
own, after which there is still something to say."""
ANSWERED_FROM = 6
"""Passages that a model reads: some 5,000 characters, which the smallest of them can hold."""
QUOTED_PASSAGES = 3
"""Of an answer: a page and a half, which a chat can show."""
LEAST_OF_BEST = 0.5
"""A passage is quoted beside the best one if it is half as near."""
LISTED_DOCUMENTS = 10
LOOKED_AT_PASSAGES = 100
"""From which the documents of a list come."""


class Ask(Params):
    """A question to be answered from documents."""

    query: Annotated[str, described(ko="질문 그대로", en="the question as asked", min_length=1)]


class Find(Params):
    """Words to search documents for."""

    query: Annotated[
        str, described(ko="찾을 말, 비우면 최근 문서", en="words to search for; empty: recent documents")
    ] = ""


class Read(Params):
    """One document."""

    doc_id: Annotated[
        str, described(ko="문서 번호(doc_id)", en="the document's doc_id", min_length=1, coerce_numbers_to_str=True)
    ]


@dataclass(frozen=True, slots=True)
class DocumentModels:
    """Which roles help, and how long an answer may take."""

    answer_role: str | None = None
    """None: passages are quoted."""
    answer_seconds: float = 60.0
    rankers: Rankers = field(default_factory=Rankers)


def build(archive: Archive | None, models: DocumentModels | None = None) -> Tool:
    """The tool over this archive; without one, it is known and answers how to set it up."""
    return unconfigured() if archive is None else _tool(_Documents(archive, models or DocumentModels()))


def unconfigured() -> Tool:
    """The archive before any folder or server is named."""
    return _tool(None)


def _tool(documents: "_Documents | None") -> Tool:
    run = refusing(NAME)
    rows: Sequence[tuple[str, str, str, type[Params], Run]] = (
        ("ask", "문서 내용에 대한 질문에 답하기", "answer a question from the documents", Ask,
         documents.ask if documents else run),
        ("search_full", "문서 전체에서 관련 자료 찾기", "find material in whole documents", Find,
         documents.search_full if documents else run),
        ("search", "문서 제목·요약 검색", "search titles and summaries", Find, documents.search if documents else run),
        ("read", "문서 하나 읽기", "read one document", Read, documents.read if documents else run),
    )  # fmt: skip
    operations = {
        name: Operation(
            name, ko, en, params, doing, notice_ko=NOTICE_KO, notice_en=NOTICE_EN, timeout_seconds=TIMEOUT_SECONDS
        )
        for name, ko, en, params, doing in rows
    }
    title_ko, title_en = "문서 (법령, 규격, 사내 자료)", "documents (statutes, standards, internal)"
    return Tool(NAME, title_ko, title_en, operations, configured=documents is not None)


@dataclass(frozen=True, slots=True)
class _Documents:
    archive: Archive
    models: DocumentModels

    async def ask(self, call: ToolCall, params: Any) -> ToolResult:
        """An answer from the passages nearest to the question, or these passages, with their sources."""
        found = await self._ranked(call, params.query, RANKED_PASSAGES)
        if not found:
            return await self._nothing(call, params.query)
        read = found[:ANSWERED_FROM]
        answer = await self._answered(call, params.query, read)
        if answer is None:
            return _quoted(call, found)
        return _told(call, answer, read) if answer.cited else _unanswered(call, params.query, read)

    async def _answered(self, call: ToolCall, query: str, passages: Sequence[Passage]) -> Answer | None:
        """What a model says from these passages; None where none does in time, or not from them."""
        role, seconds = self.models.answer_role, self.models.answer_seconds
        if role is None or not call.models.serving(role):
            return None
        try:
            async with asyncio.timeout(seconds):
                said = await call.models.complete(role, question(query, passages, call.language))
            return founded(said, query, passages)
        except ModelsAway as error:
            log.info("documents quoted instead of answered reason=%s", error)
        except TimeoutError:
            log.info("documents quoted instead of answered reason=no answer in %g s", seconds)
        except Unfounded as error:
            log.info("documents quoted instead of answered reason=the answer of %s is refused: %s", role, error)
        return None

    async def search_full(self, call: ToolCall, params: Any) -> ToolResult:
        """The best passage of each document that has something of it."""
        if not params.query:
            return await self._recent(call)
        best = _best_of_each(await self._ranked(call, params.query, LOOKED_AT_PASSAGES))
        if not best:
            return await self._nothing(call, params.query)
        lines = [f"[{number}] {_source(call, one)}\n{_quotation(one.snippet)}" for number, one in enumerate(best, 1)]
        return ToolResult("\n\n".join(lines), {"passages": _rows(best)})

    async def search(self, call: ToolCall, params: Any) -> ToolResult:
        """The documents that have something of it."""
        if not params.query:
            return await self._recent(call)
        best = _best_of_each(await self._passages(call, params.query, LOOKED_AT_PASSAGES))
        documents = [one.document for one in best]
        return _listed(call, documents) if documents else await self._nothing(call, params.query)

    async def read(self, call: ToolCall, params: Any) -> ToolResult:
        """The text of a document; what is too long for a chat is cut by whoever called."""
        try:
            found = await self.archive.text(params.doc_id)
        except ArchiveFailed as error:
            raise _cannot(call) from error
        if found is None:
            raise ToolFailed(
                pick(
                    call.language,
                    ko="그 번호의 문서가 서고에 없어요. 문서를 검색하면 번호를 알 수 있어요.",
                    en="There is no document of that number in the archive. A search tells the numbers.",
                )
            )
        document, text = found
        return ToolResult(f"{_named(call, document)}\n\n{text}", {"document": _row(document)})

    async def _recent(self, call: ToolCall) -> ToolResult:
        try:
            documents = await self.archive.recent(LISTED_DOCUMENTS)
        except ArchiveFailed as error:
            raise _cannot(call) from error
        return _listed(call, documents) if documents else await self._nothing(call, "")

    async def _passages(self, call: ToolCall, query: str, limit: int) -> tuple[Passage, ...]:
        try:
            return await self.archive.passages(query, limit)
        except ArchiveFailed as error:
            raise _cannot(call) from error

    async def _ranked(self, call: ToolCall, query: str, limit: int) -> tuple[Passage, ...]:
        found = await self._passages(call, query, limit)
        try:
            return await ranked(found, query, self.models.rankers, call.models, self.archive)
        except ArchiveFailed as error:
            raise _cannot(call) from error

    async def _nothing(self, call: ToolCall, query: str) -> ToolResult:
        try:
            holdings = await self.archive.holdings()
        except ArchiveFailed as error:
            raise _cannot(call) from error
        data = {"passages": [], "documents": [], "unreadable": holdings.unreadable, "complete": holdings.complete}
        return ToolResult(_none_found(call, query, holdings), data)


def _quoted(call: ToolCall, found: Sequence[Passage]) -> ToolResult:
    """The best passages as they stand."""
    least = LEAST_OF_BEST * max(one.score for one in found)
    quoted = [one for one in found if one.score >= least][:QUOTED_PASSAGES]
    opening = pick(
        call.language,
        ko="서고에서 찾은 대목을 그대로 옮깁니다. 요약하거나 해석한 것이 아닙니다.",
        en="These passages are quoted from the archive as they stand; nothing is summed up or interpreted.",
    )
    lines = [opening, *(f"\n[{number}]\n{_quotation(one.text)}" for number, one in enumerate(quoted, 1))]
    text = "\n".join([*lines, *_sources(call, quoted, range(1, len(quoted) + 1))])
    return ToolResult(text, {"quoted": True, "passages": _rows(quoted)})


def _told(call: ToolCall, answer: Answer, read: Sequence[Passage]) -> ToolResult:
    """A model's answer with the passages that it names, by the numbers that it knows them by."""
    cited = [read[number - 1] for number in answer.cited]
    closing = pick(
        call.language,
        ko="\n모델이 위 출처만 읽고 쓴 답이에요. 중요한 일은 원문을 확인해 주세요.",
        en="\nA model wrote this from the sources above. Check the originals where it matters.",
    )
    text = "\n".join([answer.text, *_sources(call, cited, answer.cited), closing])
    rows = [{**row, "number": number} for row, number in zip(_rows(cited), answer.cited, strict=True)]
    return ToolResult(text, {"quoted": False, "answer": answer.text, "passages": rows}, by_model=True)


def _unanswered(call: ToolCall, query: str, read: Sequence[Passage]) -> ToolResult:
    """The words are there, but no answer: where one might look oneself."""
    near = read[:QUOTED_PASSAGES]
    opening = pick(
        call.language,
        ko=f"서고에서 찾은 대목에는 '{query}'에 대한 답이 없어요. 가까운 곳은 아래와 같아요.",
        en=f"The passages found in the archive do not answer '{query}'. These are the nearest.",
    )
    text = "\n".join([opening, *_sources(call, near, range(1, len(near) + 1))])
    return ToolResult(text, {"quoted": False, "answer": None, "passages": _rows(near)})


def _sources(call: ToolCall, passages: Sequence[Passage], numbers: Sequence[int]) -> list[str]:
    heading = pick(call.language, ko="출처", en="Sources")
    told = [f"[{number}] {_source(call, one)}" for number, one in zip(numbers, passages, strict=True)]
    return [f"\n{heading}", *told]


def _none_found(call: ToolCall, query: str, holdings: Holdings) -> str:
    about_ko, about_en = (f"'{query}'에 대한 내용을", f"about '{query}' ") if query else ("문서를", "")
    told = pick(
        call.language, ko=f"서고에서 {about_ko} 찾지 못했어요.", en=f"Nothing {about_en}was found in the archive."
    )
    if not holdings.complete:
        told += pick(
            call.language,
            ko=" 아직 문서를 읽어 들이는 중이니 잠시 뒤에 다시 물어봐 주세요.",
            en=" The documents are still being read; please ask again in a while.",
        )
    if holdings.unreadable:
        told += pick(
            call.language,
            ko=f" 읽지 못한 파일이 {holdings.unreadable}개 있어요.",
            en=f" There are {holdings.unreadable} files that could not be read.",
        )
    return told


def _best_of_each(passages: Sequence[Passage]) -> list[Passage]:
    best: dict[str, Passage] = {}
    for one in passages:
        best.setdefault(one.document.doc_id, one)
    return list(best.values())[:LISTED_DOCUMENTS]


def _listed(call: ToolCall, documents: Sequence[Document]) -> ToolResult:
    return ToolResult(
        "\n".join(f"- {_named(call, one)}" for one in documents), {"documents": [_row(one) for one in documents]}
    )


def _quotation(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _source(call: ToolCall, passage: Passage) -> str:
    named = _named(call, passage.document)
    return f"{named}: {passage.heading}" if passage.heading else named


def _named(call: ToolCall, document: Document) -> str:
    number = pick(call.language, ko="문서 번호", en="doc_id")
    return f"{document.title} ({document.path}, {number} {document.doc_id})"


def _rows(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    return [
        {**_row(one.document), "heading": one.heading, "text": one.text, "snippet": one.snippet} for one in passages
    ]


def _row(document: Document) -> dict[str, str]:
    return {"doc_id": document.doc_id, "title": document.title, "path": document.path}


def _cannot(call: ToolCall) -> ToolFailed:
    return ToolFailed(
        pick(
            call.language,
            ko="지금은 서고를 열 수 없어요. 잠시 뒤에 다시 시도해 주세요.",
            en="The archive cannot be opened now. Try again later.",
        )
    )
