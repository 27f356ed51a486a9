"""A question asked back in a conversation that the caller keeps.

Rules of this file
- Pure. Nothing was stored, so the last exchanges are decided once more: what Maek would ask and did ask is what waits
  for an answer.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from router.conversation import Message, Role
from router.decide.decision import PendingQuestion, SessionFacts
from router.decide.pipeline import Stages, decide_at_once

MOST_EXCHANGES = 12
"""An entry has four things to ask for, each at most three times."""


def recalled(history: Sequence[Message], facts: SessionFacts, stages: Stages) -> PendingQuestion | None:
    """What the last message of `history` asks, if that is a question of Maek's."""
    if not history or history[-1].role is not Role.ASSISTANT:
        return None
    question: PendingQuestion | None = None
    for said, answered in pairwise(history[-2 * MOST_EXCHANGES :]):
        if said.role is Role.USER and answered.role is Role.ASSISTANT:
            before = replace(facts, pending_draft=None, pending_question=question)
            decision = decide_at_once(said.text, before, stages).decision
            asked = decision is not None and answered.text.startswith(decision.response or "\0")
            question = decision.asks if decision is not None and asked else None
    return question
