"""References to secrets."""

from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from sidecar.errors import SecretUnusable
from sidecar.secret import check_reference, resolve


@pytest.mark.parametrize("reference", ["env:MINI_KEY", "env:_x1", "file:/run/secrets/mini", "file:~/keys/mini key"])
def test_a_reference_names_a_variable_or_an_absolute_file(reference: str) -> None:
    assert check_reference(reference) == reference


@pytest.mark.parametrize(
    "text",
    ["", "sk-open-sesame", "env:", "env:1X", "env:A B", "env:A\n", "file:", "file:mini.key", "file:../mini", "ENV:A"],
)
def test_anything_else_is_refused_and_never_shown(text: str) -> None:
    with pytest.raises(PydanticCustomError) as refusal:
        check_reference(text)
    assert "sesame" not in str(refusal.value)
    assert "sesame" not in str(refusal.value.context)


def test_a_secret_comes_from_the_environment_without_white_space_around_it() -> None:
    assert resolve("env:KEY", {"KEY": " open-sesame\n"}) == "open-sesame"


def test_a_secret_comes_from_a_file_without_white_space_around_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("open-sesame\n")
    assert resolve(f"file:{tmp_path / 'key'}", {}) == "open-sesame"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "nothing in it"),
        (b" \n\t", "nothing in it"),
        (b"open\nsesame", "more than one line of printable ASCII"),
        ("열려라".encode(), "more than one line of printable ASCII"),
        (b"\xff\xfe", "more than one line of printable ASCII"),
        (b"x" * 65_537, "a file of more than 65536 bytes"),
    ],
)
def test_a_file_without_a_usable_secret_is_told_without_showing_it(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SecretUnusable) as refusal:
        resolve(f"file:{path}", {})
    assert str(refusal.value) == f"file:{path}: found {found}; wanted the key in the file {path}"


def test_the_largest_file_is_still_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"x" * 65_536)
    assert len(resolve(f"file:{path}", {})) == 65_536


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("env:KEY", "no such environment variable"),
        ("file:/nowhere/maek/key", "no such file"),
        ("file:/", "an unreadable file (Is a directory)"),
    ],
)
def test_what_is_not_there_is_named(reference: str, found: str) -> None:
    with pytest.raises(SecretUnusable) as refusal:
        resolve(reference, {})
    assert refusal.value.found == found
