from pathlib import Path

import pytest

from dashboards.__main__ import main
from dashboards.files import FOLDER, differing, texts, write


def test_the_files_that_are_checked_in_are_those_that_the_code_writes() -> None:
    assert differing(FOLDER) == []
    assert main(["--check"]) == 0


def test_a_file_that_is_missing_altered_or_too_many_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    assert differing(tmp_path) == []
    (tmp_path / "maek-latency.json").unlink()
    altered = tmp_path / "maek-itself.json"
    altered.write_text(altered.read_text("utf-8").replace("30s", "31s"), "utf-8")
    (tmp_path / "mine.json").write_text("{}", "utf-8")
    assert differing(tmp_path) == ["maek-itself.json", "maek-latency.json", "mine.json"]
    write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(texts())


def test_a_difference_is_told_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], tmp_path) == 1
    assert "run `make dashboards`" in capsys.readouterr().err
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
