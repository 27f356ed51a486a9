"""One message, read once for all keyword rules.

Rules of this file
- Pure values. A rule is a function `Request -> Decision | None`; None means that it is not sure.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from router.decide.decision import Action, Decision, Persona, SessionFacts, Source
from router.decide.folding import fold, terms_pattern
from router.decide.lexicon import Kind, Lexicon, Word
from router.decide.when import When, read_when
from router.tools.parameters import canonical
from router.tools.spec import Tool

RULES_VERSION = "3"
"""Of the rules and their words. What the operator adds to them is told apart by a digest behind it."""
_DIGEST_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Domain:
    """A field of knowledge whose questions belong to a document tool, though nobody says "find"."""

    name: str
    terms: tuple[str, ...]
    tool: str = "document"
    prefer: str = "ask"
    """The operation that entering the domain gives one point."""
    patterns: tuple[str, ...] = ()
    """Regular expressions that speak of the domain too, for what no list of words can hold (제12조)."""
    spoken_of: tuple[re.Pattern[str], ...] = field(init=False, compare=False, repr=False)
    """All of its words and expressions, compiled."""

    def __post_init__(self) -> None:
        compiled = (terms_pattern(self.terms), *map(re.compile, self.patterns))
        object.__setattr__(self, "spoken_of", compiled)

    def is_in(self, text: str) -> bool:
        """Whether folded `text` speaks of it."""
        return any(pattern.search(text) for pattern in self.spoken_of)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator told the keyword rules."""

    tools: Mapping[str, Tool]
    persona: Persona
    domains: tuple[Domain, ...] = ()
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Host → other words for it. The first is meant where none is named."""
    services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Service → other words for it."""
    lexicon: Lexicon = field(init=False)
    version: str = field(init=False)
    """Changes whenever the same message may be decided otherwise."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "lexicon", Lexicon.of(self.hosts, self.services))
        object.__setattr__(self, "version", f"{RULES_VERSION}-{self._digest()}")

    def _digest(self) -> str:
        domains = [(one.name, one.terms, one.tool, one.prefer, one.patterns) for one in self.domains]
        told = (domains, list(self.hosts.items()), list(self.services.items()), self.persona.name, list(self.tools))
        return sha256(repr(told).encode()).hexdigest()[:_DIGEST_CHARACTERS]


@dataclass(frozen=True)
class Request:
    """The message as the rules see it. `words` are those of the text without its dates and times."""

    message: str
    facts: SessionFacts
    rules: Rules

    @cached_property
    def text(self) -> str:
        """The message folded."""
        return fold(self.message)

    @cached_property
    def when(self) -> When:
        """Its days and times."""
        return read_when(self.text, self.facts.now)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """Its words besides days and times."""
        return self.rules.lexicon.read(self.when.rest)

    @cached_property
    def kinds(self) -> frozenset[Kind]:
        """What kinds of words it has."""
        return frozenset(word.kind for word in self.words)

    @cached_property
    def asks(self) -> bool:
        """Whether it ends as a question."""
        return self.text.rstrip(" .!~\"')").endswith("?")

    def only(self, *kinds: Kind) -> bool:
        """Whether every word is of one of these kinds; fillers always are."""
        return self.kinds <= {Kind.FILLER, *kinds}

    def named(self, kind: Kind) -> str | None:
        """The configured name that the message names, if it names one."""
        return next((word.name for word in self.words if word.kind is kind), None)

    def use(self, reason: str, tool: str, operation: str, params: Mapping[str, Any]) -> Decision | None:
        """The decision for that operation; None where there is no such operation or it refuses the parameters."""
        spec = self.rules.tools.get(tool)
        known = spec.operations.get(operation) if spec else None
        if known is None:
            return None
        try:
            checked = canonical(known.params, params)
        except ValidationError:
            return None
        return Decision(Action.TOOLS, Source.RULE, reason, tool=tool, operation=operation, params=checked)

    def answer(
        self, reason: str, response: str, action: Action = Action.DIRECT, *, drops_draft: bool = False
    ) -> Decision:
        """The decision to say this."""
        return Decision(action, Source.RULE, reason, response=response, drops_draft=drops_draft)

    def route(self, reason: str) -> Decision:
        """The decision to let the reasoner answer."""
        return Decision(Action.ROUTE, Source.RULE, reason)


Rule = Callable[[Request], Decision | None]
