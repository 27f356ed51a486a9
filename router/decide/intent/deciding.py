"""A decision from the intent model's guess.

Rules of this file
- Pure. It decides what the model is sure of and the gates let through; everything else is left to the classifier.
- Parameters come from the message, by the keyword rules' own reading of days and words: no date and no word is made up.
  Where a draft lacks its day, Maek asks.
"""

from dataclasses import replace
from datetime import timedelta

from router.decide.decision import Action, Decision, Source
from router.decide.entry import draft_or_question
from router.decide.intent.gates import HOURS, LACKING, names_time, refusal
from router.decide.intent.labels import Label
from router.decide.intent.model import IntentModel
from router.decide.intent.slots import entry_title, mail_words
from router.decide.request import Request
from router.decide.talk_rules import sending_refusal
from router.tools.mail import DEFAULT_DAYS

AHEAD = timedelta(days=30)
"""How far "my next meetings" looks. Only where no day is named: see `gates.is_ahead`."""
HOURS_DAYS = 2
"""Days that the last hours may lie in."""


def decide_by_model(request: Request, model: IntentModel) -> Decision | None:
    """The decision of the model where it is sure; None elsewhere.

    A DIRECT one has no response: whoever speaks finds the words.
    """
    guess = model.guess(request.text)
    learned = guess.sure and model.overlay is not None and not model.with_overlay(None).guess(request.text).sure
    decision = decided_as(request, guess.label, learned=learned) if guess.sure else None
    if decision is None:
        return None
    return replace(
        decision,
        source=Source.MODEL,
        reason=decision.reason or f"intent_{guess.label}",
        confidence=round(guess.probability, 4),
    )


def decided_as(request: Request, label: Label, *, learned: bool = False) -> Decision | None:
    """What that label would decide; None where its gate or its parameters refuse.

    `learned`: it is sure by what the operator confirmed alone. The words of his house are not in the gates' lists, so
    that lacking one of theirs is nothing against it.
    """
    refused = refusal(request, label)
    if refused is not None and not (learned and refused in LACKING):
        return None
    return _DECIDING[label](request)


def _direct(_: Request) -> Decision | None:
    return Decision(Action.DIRECT, Source.MODEL, "")


def _calendar_query(request: Request) -> Decision | None:
    today = request.facts.now.date()
    first, last = request.when.day or today, request.when.last_day or today + AHEAD
    if first == last == today:
        return request.use("", "calendar", "today", {})
    return request.use("", "calendar", "search", {"date_from": first.isoformat(), "date_to": last.isoformat()})


def _calendar_create(request: Request) -> Decision | None:
    title = entry_title(request)
    return None if title is None else draft_or_question(request, title)


def _mail_query(request: Request) -> Decision | None:
    query = mail_words(request)
    today, day = request.facts.now.date(), request.when.day
    if query is None or (day is not None and day > today):
        return None
    if day is not None:
        days = (today - day).days + 1
    elif names_time(request):
        days = 1
    else:
        days = HOURS_DAYS if HOURS.search(request.text) else DEFAULT_DAYS
    return request.use("", "email", "search", {"query": query, "days": days})


_DECIDING = {
    Label.DIRECT: _direct,
    Label.CALENDAR_QUERY: _calendar_query,
    Label.CALENDAR_CREATE: _calendar_create,
    Label.MAIL_QUERY: _mail_query,
    Label.MAIL_SEND: sending_refusal,
}
