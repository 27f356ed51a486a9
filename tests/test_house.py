"""The house rules that a machine can check: size, names, doors, docstrings, broad excepts, and what is not ours to say.

Rules of this file
- A rule reads the source and never imports it, so that it also speaks about files that do not run.
- An exception to a rule is written down here with its reason, and one that is no longer needed is an error.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("sidecar", "router", "simulator", "dashboards")
OURS = (*PACKAGES, "bench", "examples", "tests")

MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 40

DRAWERS = frozenset({"base", "common", "helper", "helpers", "misc", "util", "utils"})
"""Names that say nothing of what is inside, so that everything ends up there."""

BROAD_EXCEPTS = frozenset(
    {
        "router/documents/reading.py",  # a broken file makes its library fail in any way; the file is named with it
        "router/doctor/rounds.py",  # a look that fails itself is a line of the report
        "router/api/middleware.py",  # whatever a handler raises becomes an error body, logged and counted
        "router/tools/plugins.py",  # code of others: a plugin that breaks is logged, and listed as not set up
        "router/tools/call.py",  # tools are also written by others; their bugs are logged, and counted as `broken`
        "router/jobs/worker.py",  # a bug in one job is a dead letter, logged and counted, and ends no other
        "router/jobs/rounds.py",  # jobs and webhooks go on whatever happens; logged
        "router/tools/threads.py",  # what a thread raises is raised where it is awaited
        "router/mcp/keeper.py",  # a server of others may break in any way; counted, and told by /tools
        "sidecar/monitor.py",  # the health loop survives anything; logged, and counted as a fact
    }
)
"""Where an exception of any kind may be swallowed."""

NOT_OURS_TO_SAY = {
    "a folder of somebody's machine": re.compile(r"(?<![\w.])/(?:work|root)/"),
    "a file outside the project": re.compile(re.escape(".." + "/shared")),
    "a number of our own tracker": re.compile(r"(?<![\w/&#])#\d{1,5}\b(?!\w)|\b(?:[Ii]ssue|PR|pull request)s? #?\d+\b"),
}
WRITTEN = (".py", ".md", ".yaml", ".toml", ".txt", ".sh", ".json")


def sources(*folders: str) -> list[Path]:
    """Every Python file below these folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    """How a file is called in a message."""
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text("utf-8"), named(path))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, also those inside others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def swallows_anything(handler: ast.ExceptHandler) -> bool:
    """Whether it catches every exception and does not raise it again."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(kind is None or ast.unparse(kind) in ("Exception", "BaseException") for kind in kinds)
    last = handler.body[-1]
    return broad and not (isinstance(last, ast.Raise) and last.exc is None)


def test_no_file_is_longer_than_can_be_read_in_one_go() -> None:
    lengths = {named(path): len(path.read_text("utf-8").splitlines()) for path in sources(*OURS)}
    assert {name: length for name, length in lengths.items() if length > MOST_FILE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = {
        f"{named(path)}:{function.lineno} {function.name}": lines
        for path in sources(*PACKAGES)
        for function in functions(tree_of(path))
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > MOST_FUNCTION_LINES
    }
    assert too_long == {}


def test_no_module_is_a_drawer() -> None:
    assert [named(path) for path in sources(*OURS) if DRAWERS & {*path.relative_to(ROOT).with_suffix("").parts}] == []


def test_no_module_is_named_like_the_standard_library() -> None:
    shadowing = {named(path) for path in sources(*OURS) if path.stem in sys.stdlib_module_names}
    shadowing |= {folder for folder in OURS if folder in sys.stdlib_module_names}
    assert not shadowing


def test_every_module_says_what_it_is_for() -> None:
    # A test module mirrors the module that it tests, and its sentences say the rest.
    told = [path for path in sources(*OURS) if not path.name.startswith("test_") and path.name != "conftest.py"]
    assert [named(path) for path in told if not ast.get_docstring(tree_of(path))] == []


def test_the_door_of_the_sidecar_names_what_it_lets_through_in_order() -> None:
    tree = tree_of(ROOT / "sidecar" / "__init__.py")
    imported = {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    (listed,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert set(listed) == imported
    assert listed == sorted(listed, key=lambda name: (not name.isupper(), name[0].islower(), name))


def test_any_exception_is_swallowed_only_where_it_is_counted() -> None:
    found = {
        named(path)
        for path in sources(*PACKAGES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler) and swallows_anything(node)
    }
    assert found == BROAD_EXCEPTS


@pytest.mark.parametrize("what", NOT_OURS_TO_SAY)
def test_the_project_speaks_of_itself_alone(what: str) -> None:
    files = [path for folder in (*OURS, "docs") for path in (ROOT / folder).rglob("*") if path.suffix in WRITTEN]
    files += [path for path in ROOT.iterdir() if path.is_file() and path.suffix in (*WRITTEN, "")]
    said = {
        f"{named(path)}:{number}: {line.strip()[:80]}"
        for path in files
        if path != Path(__file__) and not path.name.startswith(".")
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if NOT_OURS_TO_SAY[what].search(line)
    }
    assert said == set()


def test_everything_in_a_package_comes_with_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packed = project["tool"]["setuptools"]["package-data"]["*"]
    written = [
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    ]
    assert [named(path) for path in written if not any(path.match(pattern) for pattern in packed)] == []
