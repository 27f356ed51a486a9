"""The document archive: questions answered from it, and searches in it.

Rules of this file
- Every operation tells the user beforehand that the archive is being looked into, because it takes a while.
"""

from typing import Annotated

from router.tools.parameters import Params, described
from router.tools.spec import Operation, Tool
from router.tools.unconfigured import refusing

NAME = "document"
NOTICE_KO = "서고를 확인하는 중입니다"
NOTICE_EN = "Checking the archive"
TIMEOUT_SECONDS = 120.0
"""`ask` waits for the archive's own model to read and answer."""


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


def unconfigured() -> Tool:
    """The archive before any server is connected."""
    run = refusing(NAME)
    rows = (
        ("ask", "문서 내용에 대한 질문에 답하기", "answer a question from the documents", Ask),
        ("search_full", "문서 전체에서 관련 자료 찾기", "find material in whole documents", Find),
        ("search", "문서 제목·요약 검색", "search titles and summaries", Find),
        ("read", "문서 하나 읽기", "read one document", Read),
    )
    operations = {
        name: Operation(
            name, ko, en, params, run, notice_ko=NOTICE_KO, notice_en=NOTICE_EN, timeout_seconds=TIMEOUT_SECONDS
        )
        for name, ko, en, params in rows
    }
    return Tool(
        NAME, "문서 (법령, 규격, 사내 자료)", "documents (statutes, standards, internal)", operations, configured=False
    )
