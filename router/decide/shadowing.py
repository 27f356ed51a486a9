"""Words of the configuration that never decide anything, because another rule sees their messages first.

Rules of this file
- Pure. What is found is no error: Maek works with it, only not as whoever wrote it expects.
- A place is told as the keys and indexes that lead to it in the configuration.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from router.decide.decision import SessionFacts
from router.decide.document_rules import FOREIGN
from router.decide.folding import fold
from router.decide.lexicon import Kind
from router.decide.request import Domain, Request, Rules
from router.language import Language

DOMAINS = ("router", "decide", "domains")
SERVICES = ("router", "tools", "infra", "services")

_ANY_TIME = SessionFacts(datetime(2000, 1, 3, tzinfo=UTC), Language.KO)
"""A term is a word; that some read as days does not matter here."""


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A word that never decides, and what to do about it."""

    loc: tuple[str | int, ...]
    found: str
    advice: str


def shadowed(rules: Rules) -> Iterator[Shadowed]:
    """All of them, in the order of the configuration."""
    for index, domain in enumerate(rules.domains):
        earlier = rules.domains[:index]
        yield from _terms(rules, domain, earlier, (*DOMAINS, index, "terms"))
        yield from _patterns(domain, (*DOMAINS, index, "patterns"))
    for service in rules.services:
        if service in rules.hosts:
            yield Shadowed((*SERVICES, service), "the name of a host too, which is looked for first", "another name")


def _terms(rules: Rules, domain: Domain, earlier: tuple[Domain, ...], loc: tuple[str | int, ...]) -> Iterator[Shadowed]:
    for index, term in enumerate(domain.terms):
        place = (*loc, index)
        folded = fold(term)
        owned = _owned(rules, term)
        before = next((one for one in earlier if one.is_in(folded)), None)
        wider = next((one for one in domain.terms if one != term and _says(one, folded)), None)
        if owned is not None:
            yield Shadowed(
                place,
                f"{term}, a word of Maek's own rules for {owned}: its messages never come to this domain",
                "a word that only this domain has",
            )
        elif before is not None:
            yield Shadowed(
                place,
                f"{term}, which the domain {before.name} takes first",
                f"it in one of the two, or {domain.name} above {before.name}",
            )
        elif wider is not None and (domain.terms.index(wider) < index or not _says(term, fold(wider))):
            yield Shadowed(place, f"{term}, which {wider} finds already", "one of the two")


def _patterns(domain: Domain, loc: tuple[str | int, ...]) -> Iterator[Shadowed]:
    for index, pattern in enumerate(domain.spoken_of[1:]):
        if pattern.search(""):
            yield Shadowed(
                (*loc, index), "an expression that fits an empty text, and so every message", "one that wants a word"
            )


def _owned(rules: Rules, term: str) -> Kind | None:
    """The kind of word that keeps a message with this term away from every domain."""
    return next((kind for kind in Request(term, _ANY_TIME, rules).kinds if kind in FOREIGN), None)


def _says(term: str, folded: str) -> bool:
    """Whether a text with the one term is always found by the other."""
    return Domain("", (term,)).is_in(folded)
