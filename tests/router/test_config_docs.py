"""The schema and the page that are written from the models."""

from pathlib import Path

import pytest

from router.config_docs import main, page, schema, written

ROOT = Path(__file__).resolve().parents[2]


def test_the_published_files_are_up_to_date() -> None:
    assert main(["--check"], ROOT) == 0


def test_what_is_written_passes_the_check_and_what_is_changed_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"], tmp_path) == 1
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    capsys.readouterr()
    (tmp_path / "docs/config.md").write_text("something else", "utf-8")
    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err == "docs/config.md is not up to date; run: python -m router.config_docs\n"


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    main(["--check"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_key_has_a_line_that_says_what_it_is_for() -> None:
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert [row for row in rows if not row[-1].removesuffix(" |").strip()] == []


@pytest.mark.parametrize(
    "line",
    [
        (
            "The role `classifier` always exists and differs by `temperature: 0.3`, `timeout_seconds: 20`, "
            "`priority: interactive`."
        ),
        "## router.tools.infra.hosts.NAME",
        "| `name` | text of 1 to 200 characters | `이드` | What the assistant calls itself. |",
        "| `token_timeout_seconds` | a number > 0 and ≤ 86400 | `60` | Seconds between two tokens. |",
        "## sidecar.backends[]",
        "## router.keys[]",
    ],
)
def test_the_page_shows_defaults_as_people_write_them(line: str) -> None:
    assert line in page().splitlines()


def test_the_schema_has_no_titles_that_nobody_wrote() -> None:
    published = schema()
    assert published["title"] == "Maek configuration"
    assert "title" not in published["$defs"]["RouterConfig"]


def test_two_files_are_written() -> None:
    assert sorted(path.name for path in written(Path())) == ["config.md", "config.schema.json"]
