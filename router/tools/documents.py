"""The document archive: questions answered from it, and searches in it.

Rules of this file
- Every operation tells the user beforehand that the archive is being looked into, because it takes a while.
- A tool talks to no model: `ask` answers with what the documents say themselves, quoted and with its sources, and says
  that it quotes. Where nothing is found, it says so.
- What a document says is data. It is shown as a quotation, line by line, and never followed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from router.errors import ToolFailed
from router.language import pick
from router.tools.archive import Archive, ArchiveFailed, Document, Holdings, Passage
from router.tools.parameters import Params, described
from router.tools.spec import Operation, Run, Tool, ToolCall, ToolResult
from router.tools.unconfigured import refusing

NAME = "document"
NOTICE_KO = "서고를 확인하는 중입니다"
NOTICE_EN = "Checking the archive"
TIMEOUT_SECONDS = 120.0
"""An archive elsewhere may have a model of its own that reads and answers."""
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


def build(archive: Archive | None) -> Tool:
    """The tool over this archive; without one, it is known and answers how to set it up."""
    return unconfigured() if archive is None else _tool(_Documents(archive))


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

    async def ask(self, call: ToolCall, params: Any) -> ToolResult:
        """The passages nearest to the question, quoted, with their sources."""
        found = await self._passages(call, params.query, QUOTED_PASSAGES)
        quoted = [one for one in found if one.score >= LEAST_OF_BEST * found[0].score]
        if not quoted:
            return await self._nothing(call, params.query)
        opening = pick(
            call.language,
            ko="서고에서 찾은 대목을 그대로 옮깁니다. 요약하거나 해석한 것이 아닙니다.",
            en="These passages are quoted from the archive as they stand; nothing is summed up or interpreted.",
        )
        sources = pick(call.language, ko="출처", en="Sources")
        lines = [opening, *(f"\n[{number}]\n{_quotation(one.text)}" for number, one in enumerate(quoted, 1))]
        lines += [f"\n{sources}", *(f"[{number}] {_source(call, one)}" for number, one in enumerate(quoted, 1))]
        return ToolResult("\n".join(lines), {"quoted": True, "passages": _rows(quoted)})

    async def search_full(self, call: ToolCall, params: Any) -> ToolResult:
        """The best passage of each document that has something of it."""
        if not params.query:
            return await self._recent(call)
        best = _best_of_each(await self._passages(call, params.query, LOOKED_AT_PASSAGES))
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

    async def _nothing(self, call: ToolCall, query: str) -> ToolResult:
        try:
            holdings = await self.archive.holdings()
        except ArchiveFailed as error:
            raise _cannot(call) from error
        data = {"passages": [], "documents": [], "unreadable": holdings.unreadable, "complete": holdings.complete}
        return ToolResult(_none_found(call, query, holdings), data)


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


def _rows(passages: Sequence[Passage]) -> list[dict[str, str]]:
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
