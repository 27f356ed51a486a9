"""From a document to a configuration, or to everything that is wrong with it at once.

Rules of this file
- The one place where pydantic's errors become sentences.
- What stands under a key that may hold a secret is never shown, nor is a URL, which may hold a password.
- Checks between keys are functions of the raw values, so that they speak although other keys are wrong.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sidecar.config_file import Document, Loc, dotted
from sidecar.config_words import Schema, at, keys, kind, paths, shown, wanted
from sidecar.errors import ConfigInvalid, Problem

HIDDEN_KEYS = frozenset({"api_key", "keys", "password", "secret", "url"})
"""Nothing at or under these keys is ever shown."""

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a check between keys finds: a problem that does not know its file yet."""

    loc: Loc
    found: str
    wanted: str


Check = Callable[[Mapping[str, Any]], Iterable[Fault]]


def build(model: type[M], document: Document, check: Check) -> M:
    """The configuration in a document. Raises `ConfigInvalid` with all that is wrong."""
    if document.values is None:
        raise ConfigInvalid(document.problems)
    faults: list[Fault] = []
    built: M | None = None
    try:
        built = model.model_validate(document.values)
    except ValidationError as error:
        schema = model.model_json_schema()
        faults += (_translated(details, schema) for details in error.errors(include_url=False) if not _is_echo(details))
    faults += check(document.values)
    problems = list(document.problems)
    reported = {(problem.line, problem.key) for problem in problems}
    for fault in faults:
        line, key = document.line(fault.loc), dotted(fault.loc)
        # one sentence a key: the first is the nearest to the cause
        if (line, key) not in reported:
            reported.add((line, key))
            problems.append(Problem(document.file, line, key, fault.found, fault.wanted))
    if built is None or problems:
        raise ConfigInvalid(problems)
    return built


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be; None when none is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def one_of(name: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown name."""
    known = tuple(known)
    if near := nearest(name, known):
        return f"{near} (the nearest that is known)"
    return f"one of {', '.join(known)}" if known else "none, for there are none"


def mapping(value: object, *way: str) -> Mapping[str, Any]:
    """The mapping that is found by these keys; an empty one where there is something else."""
    for key in way:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def entries(value: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The mappings in a list, each with its position; none where there is something else."""
    for index, item in enumerate(value if isinstance(value, tuple) else ()):
        if isinstance(item, Mapping):
            yield index, item


def repeated(value: object, key: str, way: Loc, plain: Callable[[str], str] = str) -> Iterator[Fault]:
    """A fault for every entry of a list whose `key` an entry before it has already, both made `plain`."""
    first: dict[str, int] = {}
    for index, entry in entries(value):
        if not isinstance(text := entry.get(key), str):
            continue
        before = first.setdefault(plain(text), index)
        if before != index:
            found = f"the same as {dotted((*way, before, key))}"
            yield Fault((*way, index, key), found, f"another {key}")


def _is_echo(details: Any) -> bool:
    """A list whose items were refused is then called too short, which is no fault of its own."""
    return bool(details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"])


def _translated(details: Any, root: Schema) -> Fault:
    loc: Loc = tuple(details["loc"])
    value = details["input"]
    match details["type"]:
        case "extra_forbidden":
            return _unknown_key(loc, root)
        case "missing":
            return Fault(loc, "nothing", wanted(at(root, loc), root))
        case "refused" if loc[-1] == "[key]":
            return Fault(loc[:-1], f"the name {shown(loc[-2])}", details["ctx"]["wanted"])
        case "refused":
            context = details["ctx"]
            return Fault(loc, context.get("found") or _value(value, loc), context["wanted"])
        case _:
            # a wrong type, an unknown word, out of range: the schema says all that was wanted, not only what failed
            return Fault(loc, _value(value, loc), wanted(at(root, loc), root))


def _value(value: object, loc: Loc) -> str:
    return kind(value) if _hidden(loc) else shown(value)


def _unknown_key(loc: Loc, root: Schema) -> Fault:
    name = str(loc[-1])
    known = keys(at(root, loc[:-1]), root)
    if nearest(name, known) is None:
        if _hidden(loc[:-1]):
            # somebody may have put a secret where the name of a key belongs
            return Fault(loc[:-1], "an unknown key (not shown)", one_of("", known))
        if home := _home(name, root):
            return Fault(loc, "a key that belongs elsewhere", dotted(home))
    return Fault(loc, "an unknown key", one_of(name, known))


def _home(name: str, root: Schema) -> Loc | None:
    """Where a key of this name stands; the place nearest to the top, where there is just one such."""
    homes = sorted((path for path, _ in paths(root) if path[-1] == name), key=len)
    alone = len(homes) == 1 or (len(homes) > 1 and len(homes[0]) < len(homes[1]))
    return homes[0] if alone else None


def _hidden(loc: Loc) -> bool:
    return not HIDDEN_KEYS.isdisjoint(loc)
