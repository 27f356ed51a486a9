"""Documentation is a test: what the pages name exists, what exists is named, and their examples run.

Rules of this file
- Pages written by hand only; docs/config.md and docs/metrics.md are generated and checked by `make check`.
- An example is run as a reader would run it. What an example shows as output may be shortened, never invented: every
  key and every metric in it has to be in the real answer.
"""

import asyncio
import contextlib
import importlib.util
import io
import re
import shlex
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from router.api.routes import ROUTES
from router.cli import COMMANDS, parser_for
from router.config import Config
from router.config_load import loads
from router.errors import MaekError
from router.sessions.store import SessionStoreFailed
from sidecar import ENGINES, Rules, answers
from sidecar.config import paths
from sidecar.recording import KINDS, NOTES, read
from simulator.app import ROUTES as SIMULATED
from simulator.faults import KINDS as FAULTS
from simulator.profiles import PRESETS
from tests.fakes.routers import Maek, config_for, maek

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
GENERATED = {DOCS / "config.md", DOCS / "metrics.md"}
READMES = (ROOT / "README.md", ROOT / "README.ko.md")
PAGES = sorted({*READMES, ROOT / "CHANGELOG.md", ROOT / "bench" / "README.md", *DOCS.rglob("*.md")} - GENERATED)
DEFAULT_URL = "http://127.0.0.1:8484"


class Block(NamedTuple):
    """A fenced block of a page."""

    kind: str
    text: str


def text_of(page: Path) -> str:
    """A page."""
    return page.read_text("utf-8")


def blocks(page: Path, *kinds: str) -> list[Block]:
    """The fenced blocks of a page, those of some kinds or all."""
    found = [Block(*match) for match in re.findall(r"^```(\w*)\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)]
    return [block for block in found if not kinds or block.kind in kinds]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def inline_code(page: Path) -> list[str]:
    """Everything in backticks."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose(page))]


def headings(page: Path) -> list[str]:
    """The headings of a page, with their signs."""
    return re.findall(r"^#+ .*$", prose(page), re.MULTILINE)


def anchor(heading: str) -> str:
    """The fragment that leads to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def rows(page: Path, *header: str) -> list[list[str]]:
    """The cells of every table of a page whose first columns are titled so."""
    tables = re.findall(r"(?:^\|.*\|\n)+", text_of(page) + "\n", re.MULTILINE)
    split = [[[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()] for table in tables]
    return [row for lines in split if tuple(lines[0][: len(header)]) == header for row in lines[2:]]


def bare(cell: str) -> str:
    """What stands between the backticks of a cell."""
    return cell.strip("`")


def shown_commands(page: Path) -> list[list[str]]:
    """Every command line of the shell blocks of a page, split into words, up to a pipe or a redirection."""
    lines = [line for block in blocks(page, "sh") for line in block.text.splitlines()]
    lines += [line[2:] for block in blocks(page, "console") for line in block.text.splitlines() if line[:2] == "$ "]
    split = [shlex.split(line, comments=True) for line in lines]
    return [
        words[: next((i for i, word in enumerate(words) if word in "|><&"), len(words))] for words in split if words
    ]


def maek_lines(page: Path) -> Iterator[list[str]]:
    """The arguments of every `maek …` that a page shows in a shell block."""
    for words in shown_commands(page):
        if Path(words[0]).name == "maek":
            yield words[1:]


def help_of(command: str) -> str:
    """What `maek COMMAND --help` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        parser_for([command]).parse_args([command, "--help"])
    return printed.getvalue()


def named(page: Path) -> str:
    """How a page is called in the name of a test."""
    return page.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=named)


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        file, _, fragment = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        assert not fragment or fragment in map(anchor, headings(linked)), target


@every_page
def test_every_command_shown_can_be_called(page: Path) -> None:
    for words in maek_lines(page):
        try:
            parser_for(words).parse_args(words)
        except SystemExit as end:
            raise AssertionError(f"maek {shlex.join(words)}") from end


@every_page
def test_every_command_and_option_mentioned_exists(page: Path) -> None:
    for code in inline_code(page):
        if not re.match(r"maek [a-z]", code):
            continue
        command, *others = code.split()[1:]
        assert command in COMMANDS, code
        known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", help_of(command)))
        assert {word for word in others if word.startswith("-") and word != "-"} <= known, code


@every_page
def test_every_target_of_make_and_every_module_mentioned_exists(page: Path) -> None:
    mentioned = [*inline_code(page), *(shlex.join(words) for words in shown_commands(page))]
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    for code in mentioned:
        if found := re.match(r"make ([a-z-]+)", code):
            assert found[1] in targets, code
        if found := re.match(r"python3? -m ([\w.]+)", code):
            assert importlib.util.find_spec(found[1]) is not None, code


@every_page
def test_every_file_mentioned_exists(page: Path) -> None:
    for code in inline_code(page):
        if re.fullmatch(r"(?:sidecar|router|simulator|tests|bench|docs|grafana|deploy)/[\w./-]*", code):
            path = ROOT / code
            assert (path.parent if "NAME" in path.name else path).exists(), code


@every_page
def test_every_option_of_the_configuration_mentioned_exists(page: Path) -> None:
    leaves = {tuple("*" if part == "NAME" else part for part in loc if part != 0) for loc, _ in paths(schema())}
    known = {option[:length] for option in leaves for length in range(2, len(option) + 1)}
    for code in inline_code(page):
        found = re.fullmatch(r"((?:sidecar|router)(?:\.\w+)+)(?:: .*)?", code)
        if found is None or is_module(found[1]):
            continue
        loc = tuple(found[1].split("."))
        assert any(fits(loc, option) for option in known), code


def schema() -> dict[str, Any]:
    """The schema of the configuration."""
    return Config.model_json_schema()


def is_module(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    return any((ROOT / "/".join(parts[:depth])).with_suffix(".py").exists() for depth in range(2, len(parts) + 1))


def fits(loc: tuple[str, ...], option: tuple[object, ...]) -> bool:
    """Whether a key as it is written is this option, where `*` is a name of the operator's."""
    return len(loc) == len(option) and all(wanted in ("*", part) for part, wanted in zip(loc, option, strict=True))


@every_page
def test_every_configuration_shown_can_be_used(page: Path) -> None:
    for block in blocks(page, "yaml"):
        secrets = dict.fromkeys(re.findall(r"env:(\w+)", block.text), "a-key")
        loads(block.text, secrets, file=named(page))


def test_the_readmes_have_the_same_headings_and_the_same_examples() -> None:
    english, korean = READMES
    assert [line.split()[0] for line in headings(english)] == [line.split()[0] for line in headings(korean)]
    assert blocks(english) == blocks(korean)


def test_the_readmes_link_each_other_at_the_top() -> None:
    english, korean = READMES
    assert "(README.ko.md)" in text_of(english).splitlines()[2]
    assert "(README.md)" in text_of(korean).splitlines()[2]


def test_the_first_two_commands_are_run_and_test() -> None:
    assert [words for words in shown_commands(READMES[0]) if words[0] == "make"] == [["make", "run"], ["make", "test"]]


def test_every_path_is_documented_and_no_other() -> None:
    documented = [(bare(method), bare(path)) for method, path, *_ in rows(DOCS / "api.md", "method", "path")]
    assert documented == [(route.method, re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)) for route in ROUTES]


def errors_below(kind: type[MaekError]) -> Iterator[type[MaekError]]:
    """Every class of the tree that has a code."""
    if "code" in vars(kind):
        yield kind
    for child in kind.__subclasses__():
        yield from errors_below(child)


def test_every_code_of_an_error_is_documented_and_no_other() -> None:
    documented = {(status, bare(code), fault) for status, code, fault, _ in rows(DOCS / "api.md", "status", "code")}
    known: set[type[MaekError]] = {*errors_below(MaekError), SessionStoreFailed}
    assert documented == {(str(error.status), error.code, str(error.fault)) for error in known}


def test_every_kind_of_a_recording_is_documented_and_no_other() -> None:
    assert [bare(kind) for kind, *_ in rows(DOCS / "replay.md", "event")] == [*KINDS, *NOTES]


def test_the_recording_shown_gives_the_answers_shown() -> None:
    trace, shown = (block.text.encode() for block in blocks(DOCS / "replay.md", "json"))
    for line in trace.splitlines():
        read(line)
    assert list(answers(trace.splitlines(), Rules.SEED)) == [yaml.safe_load(line) for line in shown.splitlines()]


def test_every_fault_preset_and_engine_of_the_simulator_is_documented_and_no_other() -> None:
    page = DOCS / "simulator.md"
    assert [bare(fault) for fault, *_ in rows(page, "fault")] == list(FAULTS)
    assert {name for cell, *_ in rows(page, "preset") for name in re.findall(r"`(\w+)`", cell)} == set(PRESETS)
    everywhere = {"/v1/chat/completions", "/v1/completions", "/v1/models"}
    told = {bare(engine): set(re.findall(r"`([^`]+)`", paths)) for engine, paths, *_ in rows(page, "engine")}
    assert told == {str(engine): {path for _, path in table} - everywhere for engine, table in SIMULATED.items()}


def test_every_engine_has_its_row_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", text_of(DOCS / "engines.md"), re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(ENGINES)


def test_every_metric_mentioned_in_the_pages_exists() -> None:
    known = set(re.findall(r"`(maek_\w+)`", text_of(DOCS / "metrics.md")))
    parts = {name + part for name in known if name.endswith("_seconds") for part in ("_bucket", "_count")}
    mentioned = {name for page in PAGES for name in re.findall(r"\bmaek_[a-z_]+", text_of(page))}
    assert mentioned <= known | parts


def test_the_tree_names_what_is_there() -> None:
    (tree,) = (block.text for block in blocks(DOCS / "architecture.md", "text"))
    folder, told = "", set[str]()
    for line in tree.splitlines():
        names = re.findall(r"(?<![\w/])(?:\w+/|[\w-]+(?:\.[\w]+)+)", line[:25])
        if line[0] != " ":
            folder = names[0] if names[0].endswith("/") else ""
        for name in names:
            path = name if line[0] != " " else folder + name
            assert (ROOT / path).exists(), line
            told.add(path)
    folders = {
        path.relative_to(ROOT).as_posix() + "/" for path in ROOT.glob("*/*/__init__.py") for path in [path.parent]
    }
    assert {folder for folder in folders if folder.startswith(("sidecar", "router"))} <= told


def test_every_runtime_dependency_has_its_reason() -> None:
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    told = [bare(name) for name, *_ in rows(DOCS / "adr" / "0002-dependencies.md", "dependency")]
    assert told == [re.split(r"[<>=; ]", line)[0] for line in project["dependencies"]]


def test_every_decision_is_listed_under_its_title() -> None:
    pages = [page for page in sorted((DOCS / "adr").glob("*.md")) if page.name != "README.md"]
    titles = [f"# {number}: {title}" for number, title in re.findall(
        r"\[(\d{4})\]\([\w.-]+\) \| (.*) \|", text_of(DOCS / "adr" / "README.md"))]  # fmt: skip
    assert [headings(page)[0] for page in pages] == titles
    for page in pages:
        assert re.findall(r"^\*\*(\w+)\.\*\*", text_of(page), re.MULTILINE) == ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize("picture", sorted((DOCS / "images").glob("*.svg")), ids=named)
def test_a_picture_has_a_title_and_reads_in_the_dark(picture: Path) -> None:
    assert ET.parse(picture).getroot().find("{http://www.w3.org/2000/svg}title") is not None
    assert "prefers-color-scheme: dark" in text_of(picture)


async def test_the_python_example_runs_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks(READMES[0], "python")
    async with maek(config_for()) as router:
        await asyncio.to_thread(exec, example.text.replace(DEFAULT_URL, router.url), {})
    assert "(simulator)" in capsys.readouterr().out


def examples(page: Path) -> Iterator[tuple[list[str], str]]:
    """Every curl command of the console blocks of a page, with what it shows."""
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            words = shlex.split(command)
            if any(word.startswith(DEFAULT_URL) for word in words):
                yield words, shown


async def answer_to(words: list[str], router: Maek) -> str:
    """What a curl command answers."""
    (url,) = (word for word in words if word.startswith(DEFAULT_URL))
    body = words[words.index("-d") + 1].encode() if "-d" in words else None
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if body else "GET"
    headers = dict(word.split(": ", 1) for option, word in pairwise(words) if option == "-H")
    url = router.url + url.removeprefix(DEFAULT_URL)
    async with router.client.request(method, url, data=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.text()


@pytest.mark.parametrize("page", [READMES[0], DOCS / "api.md"], ids=named)
async def test_what_the_examples_show_is_what_maek_answers(page: Path) -> None:
    async with maek(config_for()) as router:
        await router.post("/chat", {"message": "explain tides"})  # so that there is something to tell of
        shown_by = list(examples(page))
        assert shown_by
        for words, shown in shown_by:
            real = await answer_to(words, router)
            for sign in (r'"\w+":', r"^maek_\w+\{[^}]*\}", r"^event: \w+"):
                assert set(re.findall(sign, shown, re.MULTILINE)) <= set(re.findall(sign, real, re.MULTILINE)), words
