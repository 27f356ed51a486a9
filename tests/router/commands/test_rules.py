"""`maek rules`: printed, written, compared."""

from pathlib import Path

import pytest
import yaml

from router.cli import main
from router.prometheus.files import texts


def test_all_of_them_are_printed_one_document_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    assert [*yaml.safe_load_all(capsys.readouterr().out)] == [yaml.safe_load(text) for text in texts().values()]


def test_one_can_be_asked_for_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "load.yaml"]) == 0
    assert capsys.readouterr().out == texts()["load.yaml"]


def test_what_was_written_is_the_same_and_what_was_changed_since_or_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "maek"
    assert main(["rules", "--write", str(folder)]) == 0
    assert main(["rules", "--check", str(folder)]) == 0
    assert capsys.readouterr() == ("", "Alerts do not link to a page yet: `--runbooks URL` says where yours is.\n")
    changed = (folder / "load.yaml").read_text("utf-8").replace(">= bool", "> bool")
    (folder / "load.yaml").write_text(changed, "utf-8")
    (folder / "alerts.yaml").unlink()
    assert main(["rules", "--check", str(folder)]) == 1
    complained = capsys.readouterr().err
    assert "load.yaml is not what Maek would write" in complained
    assert "alerts.yaml is not what Maek would write" in complained
    assert "ratios.yaml" not in complained


def test_another_place_of_the_runbooks_is_written_and_compared(tmp_path: Path) -> None:
    wiki = ["--runbooks", "https://wiki.example/maek"]
    assert main(["rules", "--write", str(tmp_path), *wiki]) == 0
    assert main(["rules", "--check", str(tmp_path), *wiki]) == 0
    assert main(["rules", "--check", str(tmp_path)]) == 1


@pytest.mark.parametrize(
    "wrong", ["wiki/maek", "ftp://wiki.example/maek", "https://", "https://wiki.example/maek#down"]
)
def test_a_page_that_could_not_be_opened_from_a_chat_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["rules", "--runbooks", wrong])
    assert "is no address such as https://wiki.example/maek/runbooks" in capsys.readouterr().err


def test_what_cannot_be_chosen_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--first-token-seconds", "3"]) == 2
    assert "maek rules: first tokens are counted up to" in capsys.readouterr().err


def test_for_a_rehearsal_they_can_be_hurried(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "alerts.yaml", "--faster", "60"]) == 0
    held = {rule["for"] for rule in yaml.safe_load(capsys.readouterr().out)["groups"][0]["rules"]}
    assert held == {"1000ms", "2000ms", "3000ms", "5000ms", "10000ms", "15000ms"}


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    assert main(["rules", "--write", str(tmp_path / "file")]) == 1
    assert "cannot write to" in capsys.readouterr().err
