import fcntl
import sys
from pathlib import Path

import orjson
import pytest

from router.cli import main
from tests.router.documents.given import LAW


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("MAEK_DATA_DIR", raising=False)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "law.md").write_text(LAW)
    (tmp_path / "docs" / "old.hwp").write_bytes(b"x")
    file = tmp_path / "config.yaml"
    file.write_text(f"router: {{data_dir: {tmp_path}/data, tools: {{document: {{folder: {tmp_path}/docs}}}}}}")
    return str(file)


def test_indexing_counts_and_names_what_cannot_be_read(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["documents", "index", "-c", config]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "old.hwp: not a kind that is read (txt, md, html, pdf, docx, hwpx)",
        "1 of 2 files can be searched: 2 new or changed, 0 removed, 1 not readable",
    ]
    assert told.err == ""


def test_whoever_looks_sees_a_bar(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main(["documents", "index", "-c", config])
    assert capsys.readouterr().err == f"\r[{'#' * 30}] 2/2 files\n"


def test_programs_get_json(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["documents", "index", "--json", "-c", config]) == 0
    report = orjson.loads(capsys.readouterr().out)
    assert (report["files"], report["changed"], report["finished"]) == (2, 2, True)
    assert report["problems"][0]["path"] == "old.hwp"
    assert main(["documents", "search", "유해인자", "분류", "--json", "-c", config]) == 0
    (found,) = orjson.loads(capsys.readouterr().out)
    assert found["document"]["path"] == "law.md"
    assert "**유해인자**" in found["snippet"]


def test_searching_shows_where_and_what(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["documents", "search", "서류", "-c", config])
    assert "`maek documents index` has not gone through the folder yet" in capsys.readouterr().out
    main(["documents", "index", "-c", config])
    capsys.readouterr()
    assert main(["documents", "search", "서류", "-c", config]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "law.md: 산업안전보건법 › 제16장 보칙 › 제160조(서류의 보존)"
    assert "**서류**를 3년간" in told[1]
    main(["documents", "search", "양자역학", "-c", config])
    assert capsys.readouterr().out == "nothing found\n"


def test_what_is_wrong_is_said(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    none = tmp_path / "none.yaml"
    none.write_text("router: {tools: {document: {kind: none, folder: /tmp}}}")
    assert main(["documents", "index", "-c", str(none)]) == 1
    assert "router.tools.document.folder" in capsys.readouterr().err
    none.write_text("router: {tools: {document: {folder: relative}}}")
    assert main(["documents", "index", "-c", str(none)]) == 1
    assert "an absolute path" in capsys.readouterr().err
    (tmp_path / "docs").rename(tmp_path / "away")
    assert main(["documents", "index", "-c", config]) == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_two_do_not_index_at_once(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["documents", "index", "-c", config])
    with (tmp_path / "data" / "documents" / "index.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["documents", "index", "-c", config]) == 1
    assert "another process is indexing" in capsys.readouterr().err
