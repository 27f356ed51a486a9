"""That the examples can be copied: one file each, short, and needing nothing but aiohttp."""

import ast
import io
import sys
import tokenize
from pathlib import Path

import pytest

from tests.examples.bots import GATEWAYS

MOST_LINES = {"slack": 80, "telegram": 80, "synology": 80, "discord": 119}
"""Of code; blank lines, comments and docstrings are not counted. Discord's gateway wants heartbeats and resumption."""

every_file = pytest.mark.parametrize("path", sorted(GATEWAYS.glob("*.py")), ids=lambda path: path.stem)


def lines_of_code(source: str) -> int:
    """How many lines have code on them."""
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, described) and ast.get_docstring(node)]
    told = {line for node in nodes for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in nothing]
    return len({line for token in tokens for line in range(token.start[0], token.end[0] + 1)} - told)


def test_there_is_one_for_each_service() -> None:
    assert {path.stem for path in GATEWAYS.iterdir() if path.suffix == ".py"} == set(MOST_LINES)


@every_file
def test_it_is_short(path: Path) -> None:
    assert lines_of_code(path.read_text("utf-8")) <= MOST_LINES[path.stem]


@every_file
def test_it_needs_nothing_but_aiohttp(path: Path) -> None:
    imports = [
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    names = {
        (node.module or "" if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]
        for node in imports
        for alias in node.names
    }
    assert names - sys.stdlib_module_names <= {"aiohttp", "yarl"}  # yarl comes with aiohttp


@every_file
def test_its_secrets_come_from_the_environment_and_nobody_is_allowed_unless_named(path: Path) -> None:
    source = path.read_text("utf-8")
    assert f'ALLOWED = set(os.environ.get("{path.stem.upper()}_ALLOWED", "").split())' in source
    assert "os.environ.get('MAEK_KEY', '')" in source
