"""The page has a word in both languages for every code that Maek may tell it."""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import router.decide
from router.balance.demand import Priority
from router.balance.policies import PolicyName
from router.balance.seen import Exclusion
from router.decide.decision import REFUSED_SENDING, Action, Slot, Source
from router.decide.errors import UndecidedReason
from router.decide.guard import Objection
from router.errors import MaekError, ToolOutcome
from router.jobs.job import State
from router.language import Language
from sidecar import Level, Outcome, Signal
from sidecar.breaker import Circuit
from sidecar.facts import ProbeOutcome
from sidecar.standing import Standing

FILES = resources.files("router.web")
KEYS = re.compile(r'"(?:[^"\\]|\\.)*"|([A-Za-z_]\w*)(?=\s*:)')


def words() -> dict[str, dict[str, Any]]:
    """`words.js`, read as JSON."""
    text = FILES.joinpath("words.js").read_text("utf-8")
    body = text[text.index("{") :].rstrip().removesuffix(";")
    quoted = KEYS.sub(lambda found: f'"{found[1]}"' if found[1] else found[0], body)
    told: dict[str, dict[str, Any]] = json.loads(re.sub(r",(\s*[}\]])", r"\1", quoted))
    return told


WORDS = words()


def shape(one: Any) -> Any:
    """The keys, and the names that a sentence has room for."""
    if isinstance(one, dict):
        return {name: shape(value) for name, value in one.items()}
    return sorted(set(re.findall(r"\{(\w+)\}", one)))


def codes_of_errors(kind: type[MaekError] = MaekError) -> Iterator[str]:
    """Of every error that there is."""
    for one in kind.__subclasses__():
        if "code" in vars(one):
            yield one.code
        yield from codes_of_errors(one)


def reasons() -> Iterator[str]:
    """Every reason of a decision that is written out in the code."""
    for path in Path(router.decide.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                told = node.args[:1] if name in ("use", "answer", "route") else []
                told += [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
                yield from (one.value for one in told if isinstance(one, ast.Constant) and one.value)
    yield from (f"missing_{slot}" for slot in Slot)
    yield from (f"classifier_{what}" for what in Objection if what is not Objection.MAIL)
    yield from (REFUSED_SENDING, "nobody_was_sure", "greeting", "thanks", "farewell", "wish", "who")


def names(kind: Iterable[Any]) -> list[str]:
    """Of numbered levels and the like."""
    return [one.name.lower() for one in kind]


def test_both_languages_say_the_same_things() -> None:
    assert WORDS.keys() == {*Language}
    assert shape(WORDS["ko"]) == shape(WORDS["en"])


def test_whatever_the_page_asks_for_has_words() -> None:
    page, script = (FILES.joinpath(name).read_text("utf-8") for name in ("index.html", "page.js"))
    wanted = {*re.findall(r'data-t(?:-\w+)?="(\w+)"', page), *re.findall(r'\bt\("(\w+)"', script)}
    assert wanted <= WORDS["en"].keys()


@pytest.mark.parametrize("language", [*Language])
@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("level", names(Level)),
        ("state", [*Standing, *(name for name in names(Circuit) if name != "closed"), "resting", "unknown"]),
        ("signals", [*Signal]),
        ("probe", [*ProbeOutcome]),
        ("action", [*Action]),
        ("source", [*Source]),
        ("outcome", [*Outcome]),
        ("circuits", names(Circuit)),
        ("excluded", [*Exclusion]),
        ("job", [*State]),
        ("priority", names(Priority)),
        ("by_policy", [*PolicyName]),
        ("undecided", [*UndecidedReason, "off", "unsure", "shadow", "outside"]),
        ("tool", [*ToolOutcome]),
        ("error", [*codes_of_errors()]),
        ("reason", [*reasons()]),
    ],
)
def test_every_code_has_a_word(language: str, kind: str, codes: Iterable[str]) -> None:
    assert {*map(str, codes)} - WORDS[language][kind].keys() == set()
