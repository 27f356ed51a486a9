"""Keyword rules: the decision of a message that leaves no doubt.

Rules of this file
- Pure, total and the same for the same arguments. A rule abstains (None) unless it is sure; the stages behind it are
  there for the rest.
- The order matters only where two rules would both be sure: what waits for an answer comes first, what names a tool by
  its own words comes before the domains, which only name a subject.
"""

from router.decide.calendar_rules import calendar_draft, calendar_query
from router.decide.decision import Decision
from router.decide.document_rules import archive_search, domain_documents, explanation
from router.decide.infra_rules import infra_state
from router.decide.mail_rules import mail_read, mail_search
from router.decide.plain_rules import abilities_told
from router.decide.request import Request, Rule
from router.decide.talk_rules import draft_answer, refused_sending, small_talk
from router.decide.writing import wants_writing

MAX_CHARACTERS = 100
"""A longer message has more in it than its keywords say."""
MAX_SENTENCES = 2

SAID_ALONE: tuple[Rule, ...] = (draft_answer, small_talk, abilities_told)
"""Sure only of phrases that are the whole message: nothing can be hidden in them."""
ORDER: tuple[Rule, ...] = (
    *SAID_ALONE,
    refused_sending,
    calendar_draft,
    calendar_query,
    mail_read,
    mail_search,
    infra_state,
    domain_documents,
    archive_search,
    explanation,
)


def decide_by_rules(request: Request) -> Decision | None:
    """The decision of the first rule that is sure; None when none is."""
    message = request.message
    if not message.strip() or len(message) > MAX_CHARACTERS or len(message.strip().splitlines()) > MAX_SENTENCES:
        return None
    order = SAID_ALONE if wants_writing(request.text) else ORDER
    return next((decision for rule in order if (decision := rule(request)) is not None), None)
