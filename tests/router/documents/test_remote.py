"""A document server, over real sockets: one that keeps the contract, and many that do not."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from router.config_load import check
from router.documents import remote
from router.documents.remote import RemoteArchive
from router.errors import ToolFailed, ToolOutcome
from router.toolbox import archive_of
from router.tools.call import call
from router.tools.documents import build
from router.tools.documents.archive import ArchiveFailed
from sidecar import probing_session
from tests.fakes.processes import maek_command
from tests.fakes.routers import config_for
from tests.fakes.upstreams import Heard, Script, answer, in_turn, saying, silent, upstream
from tests.router.documents.given import LAW
from tests.router.tools.given import ctx

REFERENCE = Path(__file__).parents[3] / "examples" / "document_server.py"
PASSAGE = {
    "doc_id": "a1",
    "title": "안전 지침",
    "path": "a.md",
    "heading": "제1장",
    "text": "안전모를 쓴다",
    "score": 2,
}


def found(*passages: Any) -> bytes:
    """An answer to /search."""
    return answer("200 OK", orjson.dumps({"passages": passages}))


@asynccontextmanager
async def asking(script: Script, **known: Any) -> AsyncIterator[tuple[RemoteArchive, list[Heard]]]:
    """An archive behind a server that follows a script, and what that server has heard."""
    async with upstream(script) as server, probing_session() as http:
        chosen = {"api_key": None, "timeout_seconds": 5.0} | known
        yield RemoteArchive(server.url, http=lambda: http, **chosen), server.heard


@asynccontextmanager
async def reference_server(folder: Path, key: str = "") -> AsyncIterator[str]:
    """The server of the examples as its own process; its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(REFERENCE), str(folder), "0",
        env={**os.environ, "DOCUMENT_KEY": key}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.communicate()


async def test_what_a_server_finds_is_told_in_its_own_order() -> None:
    async with asking(saying(found({**PASSAGE, "new": 1}, {**PASSAGE, "doc_id": "b"}))) as (archive, heard):
        passages = await archive.passages("안전모", 5)
    assert [(one.document.doc_id, one.heading, one.score) for one in passages] == [
        ("a1", "제1장", 2),
        ("b", "제1장", 2),
    ]
    assert passages[0].snippet == "**안전모**를 쓴다"
    assert b"post /search http/1.1" in heard[0].head
    assert b"authorization" not in heard[0].head
    assert heard[0].json() == {"query": "안전모", "limit": 5}


async def test_a_document_is_read_by_its_number_and_one_that_is_not_there_is_none() -> None:
    text = answer("200 OK", orjson.dumps({"doc_id": "a1", "title": "안전", "text": "첫 줄\n둘째 줄"}))
    async with asking(in_turn(saying(text), saying(answer("404 Not Found")))) as (archive, heard):
        read = await archive.text("a1")
        assert await archive.text("x") is None
    assert read is not None
    assert read[1] == "첫 줄\n둘째 줄"
    assert read[0].path == "a1"
    assert heard[0].json() == {"doc_id": "a1"}


async def test_recent_documents_are_a_search_for_nothing() -> None:
    async with asking(saying(found(PASSAGE, PASSAGE, {**PASSAGE, "doc_id": "b"}))) as (archive, heard):
        assert [one.doc_id for one in await archive.recent(5)] == ["a1", "b"]
        assert (await archive.holdings()).complete
        assert await archive.vectors(()) is None
    assert heard[0].json() == {"query": "", "limit": 5}


async def test_the_key_is_a_bearer_that_no_log_tells(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DOCS_KEY", "sesame-4711")
    async with asking(saying(answer("401 Unauthorized")), api_key="env:DOCS_KEY") as (archive, heard):
        with pytest.raises(ArchiveFailed, match=r"refused the key with HTTP 401; set router\.tools\.document\.api_key"):
            await archive.passages("가", 1)
    assert b"authorization: bearer sesame-4711" in heard[0].head
    assert "sesame" not in caplog.text
    assert "sesame" not in repr(archive)


async def test_a_key_that_is_nowhere_is_told_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCS_KEY", raising=False)
    async with asking(saying(found()), api_key="env:DOCS_KEY") as (archive, heard):
        with pytest.raises(ArchiveFailed, match="its key cannot be read: no such environment variable"):
            await archive.passages("가", 1)
    assert heard == []


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (answer("302 Found", b"", "text/html", "location: http://127.0.0.1:1/"), "it redirects with HTTP 302"),
        (answer("500 Internal Server Error"), "HTTP 500"),
        (answer("404 Not Found"), "does not know /search"),
        (answer("200 OK", b"<html>"), "not as agreed"),
        (answer("200 OK", b"[]"), "not as agreed"),
        (answer("200 OK", b'{"passages":{}}'), "passages: list_type"),
        (found({**PASSAGE, "doc_id": "a b"}), "doc_id: string_pattern"),
        (found({**PASSAGE, "doc_id": 7}), "doc_id: string_type"),
        (found({**PASSAGE, "text": "가" * 4001}), "text: too_long"),
        (found({**PASSAGE, "title": "가" * 501}), "title: too_long"),
        (found({**PASSAGE, "score": "much"}), "score: float"),
        (found({"title": "가"}), "doc_id: missing"),
        (found(*[PASSAGE] * 101), "passages: too_long"),
    ],
)
async def test_an_answer_that_is_not_as_agreed_is_refused(sent: bytes, why: str) -> None:
    async with asking(saying(sent)) as (archive, heard):
        with pytest.raises(ArchiveFailed, match=why):
            await archive.passages("가", 5)
    assert len(heard) == 1


async def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MOST_ANSWER_BYTES", 1000)
    async with asking(saying(answer("200 OK", b" " * 5000))) as (archive, _):
        with pytest.raises(ArchiveFailed, match="larger than 1000 bytes"):
            await archive.passages("가", 5)


async def test_a_server_that_says_nothing_is_left_in_time() -> None:
    async with asking(silent, timeout_seconds=0.05) as (archive, _):
        with pytest.raises(ArchiveFailed, match=r"no answer in 0\.05 s"):
            await archive.passages("가", 5)


async def test_what_nobody_sees_is_taken_out_of_a_strangers_text() -> None:
    sly = {**PASSAGE, "title": "안전\n지침\u202e", "text": "안전모\x1b[31m를\u200b 쓴다", "heading": "제1\x00장"}
    async with asking(saying(found(sly))) as (archive, _):
        (passage,) = await archive.passages("안전모", 5)
    assert (passage.document.title, passage.heading, passage.text) == ("안전 지침", "제1장", "안전모[31m를 쓴다")


async def test_a_connection_that_breaks_is_tried_once_more_and_then_told_plainly() -> None:
    broken = saying(b"", then=Heard.reset)
    async with asking(in_turn(broken, saying(found(PASSAGE)))) as (archive, heard):
        tool = {"document": build(archive)}
        result = await call(tool, "document", "search_full", {"query": "안전모"}, ctx())
        assert "**안전모**를 쓴다" in result.text
        assert len(heard) == 2
    async with asking(broken) as (archive, heard):
        with pytest.raises(ToolFailed, match="연결하지 못했어요") as raised:
            await call({"document": build(archive)}, "document", "search", {"query": "안전모"}, ctx())
    assert raised.value.outcome is ToolOutcome.UNREACHABLE


async def test_the_example_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "법.md").write_text(LAW, "utf-8")
    (tmp_path / "note.txt").write_text("점심 메뉴", "utf-8")
    monkeypatch.setenv("DOCS_KEY", "sesame")
    async with reference_server(tmp_path, "sesame") as url, aiohttp.ClientSession() as http:
        document = {"kind": "remote", "url": url, "api_key": "env:DOCS_KEY"}
        archive = archive_of(config_for([], tools={"document": document}), lambda: http)
        assert archive is not None
        best = (await archive.passages("서류 보존", 5))[0]
        assert "3년간 보존하여야" in best.text
        assert best.document.path == "법.md"
        read = await archive.text(best.document.doc_id)
        assert read is not None
        assert read[1] == LAW
        assert await archive.text("77") is None
        assert sorted(one.title for one in await archive.recent(5)) == ["note", "법"]
        monkeypatch.setenv("DOCS_KEY", "wrong")
        with pytest.raises(ArchiveFailed, match="refused the key"):
            await archive.passages("서류", 5)


async def test_the_command_line_searches_a_server_too(tmp_path: Path) -> None:
    (tmp_path / "법.md").write_text(LAW, "utf-8")
    config = tmp_path / "config.yaml"
    async with reference_server(tmp_path) as url:
        config.write_text(f"router:\n  tools:\n    document:\n      kind: remote\n      url: {url}\n")
        assert check(config) == ()
        code, out, _ = await maek_command("documents", "search", "서류", "-c", str(config))
        assert (code, "법.md" in out) == (0, True)
        code, _, err = await maek_command("documents", "index", "-c", str(config))
        assert (code, "keeps its own index" in err) == (1, True)
    code, _, err = await maek_command("documents", "search", "서류", "-c", str(config))
    assert code == 1
    assert url in err
