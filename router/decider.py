"""Wires the stages of a decision to the configuration and to the classifier's pool.

Rules of this file
- Glue only: what a stage does stands in `router.decide`.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from router.ask import Ask
from router.asking import ClassifierAsker
from router.config import CLASSIFIER, Config
from router.conversation import Message
from router.decide.classifier import Classifier
from router.decide.decision import Decision, PendingQuestion, Persona, SessionFacts
from router.decide.pipeline import EmbeddedModel, Stages, decide, decide_at_once
from router.decide.recalling import recalled
from router.decide.remembering import Remembering
from router.decide.request import Domain, Rules
from router.dispatch import TIMES_LOADING, Dispatcher
from router.fleet import Fleet
from router.journey import Journey
from router.language import language_of
from router.learning.keeping import Keeping
from router.tools.agenda.words import NOT_KEPT_EN, NOT_KEPT_KO
from router.tools.spec import PendingDraft, Tool
from sidecar import cold_seconds

log = logging.getLogger(__name__)


class Decider:
    """Decides messages as the configuration says. `now` gives the date and time in its zone."""

    def __init__(
        self,
        config: Config,
        fleet: Fleet,
        dispatcher: Dispatcher,
        tools: Mapping[str, Tool],
        now: Callable[[], datetime],
        model: EmbeddedModel | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        self._fleet = fleet
        self._dispatcher = dispatcher
        self._tools = tools
        self._now = now
        self._role = config.router.roles[CLASSIFIER]
        self._untold_context_tokens = config.router.decide.context_tokens
        self._asks_classifier = config.router.decide.classifier
        self._persona = persona_of(config)
        self._keeping = keeping if config.router.decide.keep_messages else None
        self._stages = stages_of(config, tools, model)
        self._memory: Remembering[Decision] = Remembering(time.monotonic)

    def rehearse(self) -> None:
        """Decide two messages for nothing: the grammar compiles itself when it is first used."""
        for message, language in (("내일 3시 회의 잡아줘", "ko"), ("what is on my mind", "en")):
            decide_at_once(message, SessionFacts(self._now(), language), self._stages)

    async def __call__(
        self,
        ask: Ask,
        history: Sequence[Message],
        pending: PendingDraft | None,
        journey: Journey,
        question: PendingQuestion | None = None,
    ) -> Decision:
        """The decision on one message; `journey` tells where the classifier was asked. Never fails a chat."""
        language = _language(ask, question)
        unkept = pending is None and _shows_unkept_draft(history)
        facts = SessionFacts(
            self._now(), language, pending, question, unkept, ask.earlier, in_conversation=bool(history)
        )
        classifier = None
        if self._asks_classifier:
            asker = ClassifierAsker(self._dispatcher, self._fleet, self._role, journey, ask.priority)
            classifier = Classifier(asker, self._tools, self._persona, self._context_tokens(), self._memory)
        stages = replace(self._stages, classifier=classifier, deadline_seconds=self._patience_seconds())
        decision = await decide(ask.message, facts, history, stages)
        if pending is not None and facts.draft is None:
            decision = replace(decision, drops_draft=True)
        if facts.draft is None and facts.question is None:
            # An answer to something that was asked says nothing by its words alone.
            self._keep(ask, decision, journey)
        return decision

    def _keep(self, ask: Ask, decision: Decision, journey: Journey) -> None:
        if self._keeping is None:
            return
        try:
            self._keeping.keep(journey.decision, ask.message, ask.language, decision)
        except OSError as error:
            # Nobody's chat fails because the operator's disk is full.
            log.error("message not kept file=%s reason=%s", error.filename, error.strerror)

    def recalled(self, history: Sequence[Message], language: str) -> PendingQuestion | None:
        """What was asked back last, in a conversation that the caller keeps."""
        return recalled(history, SessionFacts(self._now(), language), self._stages)

    def _patience_seconds(self) -> float:
        """The classifier's deadline; with time for a load, where everybody who could be asked has to load it first."""
        snapshot = self._fleet.snapshot()
        known = [one for one in self._fleet.pool_of_role(CLASSIFIER) if one.backend in snapshot.backends]
        loads = [cold_seconds(snapshot.backends[one.backend], one.model, snapshot.now) for one in known]
        return self._role.timeout_seconds + TIMES_LOADING * min(loads, default=0.0)

    def _context_tokens(self) -> int:
        """What the smallest of those who could be asked takes, as far as they tell."""
        snapshot = self._fleet.snapshot()
        told = [
            model.context_tokens
            for one in self._fleet.pool_of_role(CLASSIFIER)
            if one.backend in snapshot.backends
            for model in snapshot.backends[one.backend].models or ()
            if model.name == one.model
        ]
        return min((tokens or self._untold_context_tokens for tokens in told), default=self._untold_context_tokens)


def _shows_unkept_draft(history: Sequence[Message]) -> bool:
    """Whether the last thing said is Maek's that it can keep no draft here."""
    return bool(history) and any(said in history[-1].text for said in (NOT_KEPT_KO, NOT_KEPT_EN))


def _language(ask: Ask, question: PendingQuestion | None) -> str:
    """The message's; a bare "2" is in the language of the question that it answers."""
    if question is None or any(character.isalpha() for character in ask.message):
        return ask.language
    return language_of(" ".join(question.choices), ask.language)


def stages_of(config: Config, tools: Mapping[str, Tool], model: EmbeddedModel | None = None) -> Stages:
    """The stages that need no waiting, as far as the configuration trusts them."""
    trusted = config.router.decide
    return Stages(rules_of(config, tools), trusted.rules, model, trusted.model)


def persona_of(config: Config) -> Persona:
    """Who speaks to the user."""
    persona = config.router.persona
    return Persona(persona.name, persona.description_ko, persona.description_en)


def rules_of(config: Config, tools: Mapping[str, Tool]) -> Rules:
    """The keyword rules, with the operator's domains, hosts and services."""
    settings = config.router
    return Rules(
        tools=tools,
        domains=tuple(
            Domain(d.name, tuple(d.terms), d.tool, d.prefer, tuple(d.patterns)) for d in settings.decide.domains
        ),
        hosts=dict.fromkeys(settings.tools.infra.hosts, ()),
        services=dict.fromkeys(settings.tools.infra.services, ()),
        persona=persona_of(config),
    )
