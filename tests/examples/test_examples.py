"""That the examples can be copied: one short file each, which needs no more than it says."""

import ast
import sys
from pathlib import Path

import pytest

from tests.examples.bots import GATEWAYS

MOST_LINES = 80
"""Of the whole file, as `wc -l` counts them."""

LIBRARIES = {
    "slack_bot": {"aiohttp", "slack_sdk"},
    "telegram_bot": {"aiohttp"},
    "discord_bot": {"aiohttp", "discord"},
    "synology_bot": {"aiohttp", "yarl"},  # yarl comes with aiohttp
}

every_file = pytest.mark.parametrize("path", sorted(GATEWAYS.glob("*.py")), ids=lambda path: path.stem)


def test_there_is_one_for_each_service() -> None:
    assert {path.stem for path in GATEWAYS.iterdir() if path.suffix == ".py"} == set(LIBRARIES)


@every_file
def test_it_is_short_and_nobody_has_squeezed_it(path: Path) -> None:
    source = path.read_text("utf-8")
    assert source.count("\n") <= MOST_LINES
    assert "fmt:" not in source
    assert "noqa" not in source


@every_file
def test_it_needs_its_libraries_and_nothing_else(path: Path) -> None:
    imports = [
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    names = {
        (node.module or "" if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]
        for node in imports
        for alias in node.names
    }
    assert names - sys.stdlib_module_names == LIBRARIES[path.stem]
    assert path.stem not in LIBRARIES[path.stem], "a bot that is named like its library imports itself"


@every_file
def test_its_secrets_come_from_the_environment_and_nobody_is_allowed_unless_named(path: Path) -> None:
    source, service = path.read_text("utf-8"), path.stem.removesuffix("_bot").upper()
    assert f'ALLOWED = set(os.environ.get("{service}_ALLOWED", "").split())' in source
    assert "os.environ.get('MAEK_KEY', '')" in source
