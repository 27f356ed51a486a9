"""The log of decisions: bounded, everybody's own, and without a word that anybody said."""

from datetime import UTC, datetime
from math import inf
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.choice import Considered
from router.balance.pools import Candidate
from router.decide.decision import Action, Decision, Silent, Source
from router.decisions import DecisionLog, Record, ToolStep, decision_json, journey_json, record_json
from router.errors import ToolOutcome
from router.journey import Attempt, Journey
from sidecar import Level, Outcome
from tests.router.choices import MINI, NAS, REASON, why

RUNNING = Considered(Candidate("b", "m"), 0, 0.1, inf, inf, slots=inf, trusted=False)
AT = datetime(2026, 2, 1, 12, 0, 0, 123456, tzinfo=UTC)
SAID = "비밀"
DECISION = Decision(
    Action.TOOLS,
    Source.LLM,
    "the classifier chose it",
    0.5,
    response=SAID,
    prompt=SAID,
    tool="email",
    operation="search",
    params={"query": SAID},
    fallbacks=("rule: abstain",),
    versions={"rule": "3"},
    silent=(Silent(Source.MODEL, Action.DIRECT, None, None, "intent_direct", 0.9, agrees=False),),
)


def journey() -> Journey:
    """One attempt that failed and one that runs."""
    made = Journey()
    failed = Attempt(why(MINI, NAS, won=MINI), MINI.candidate, Level.FREE, waited_seconds=0.25)
    made.begin(failed, 10.0)
    made.end(failed, Outcome.TIMEOUT, None, 11.5)
    made.begin(Attempt(why(RUNNING, won=RUNNING), RUNNING.candidate, None), 11.5)
    return made


def test_a_record_is_found_by_its_owner_only() -> None:
    log = DecisionLog()
    record = log.begin(AT, "anna", "auto")
    assert log.get(record.id, "anna") is record
    assert log.get(record.id, "bert") is None
    assert log.get("nothing", "anna") is None
    assert log.latest("bert", 10) == []


@given(st.lists(st.sampled_from("ab"), max_size=30), st.integers(1, 8), st.integers(0, 10))
def test_the_log_keeps_the_newest_and_shows_everybody_his_own(owners: list[str], bound: int, most: int) -> None:
    log = DecisionLog(bound)
    records = [log.begin(AT, owner, "auto") for owner in owners]
    kept = records[-bound:]
    assert len(log._records) == min(len(records), bound)
    for owner in "ab":
        assert log.latest(owner, most) == [record for record in reversed(kept) if record.owner == owner][:most]
    for record in records:
        assert (log.get(record.id, record.owner) is record) is (record in kept)


MINI_TOLD = {
    "backend": "mini",
    "in_flight": 1,
    "slots": 4,
    "predicted_ttft_ms": 412.0,
    "predicted_e2e_ms": 3140.0,
    "cost": 2.1,
    "cold_ms": 0.0,
    "silent_ms": 0.0,
    "measured": True,
    "excluded": None,
}
RUNNING_TOLD = MINI_TOLD | {
    "backend": "b",
    "in_flight": 0,
    "slots": None,
    "predicted_ttft_ms": 100.0,
    "predicted_e2e_ms": None,
    "cost": None,
    "measured": False,
}
NAS_TOLD = dict.fromkeys(MINI_TOLD) | {"backend": "nas", "cold_ms": 0.0, "silent_ms": 0.0, "excluded": "down"}


def told(considered: list[dict[str, Any]]) -> dict[str, Any]:
    """What is told of a choice among these."""
    return {
        "policy": "predicted",
        "reason": REASON,
        "panic": False,
        "demand": {
            "role": "reasoner",
            "prompt_tokens": 312,
            "max_tokens": 16000,
            "stream": True,
            "priority": "batch",
            "session": True,
            "prefix_blocks": 2,
        },
        "considered": considered,
        "not_shown": {},
    }


def test_a_record_says_what_was_decided_and_where_it_went_and_no_word_that_was_said() -> None:
    nobody = Journey(nobody=why(NAS))
    used = ToolStep("email", "search", ToolOutcome.TIMEOUT, 20.0)
    record = Record("1", AT, "anna", "auto", DECISION, journey(), nobody, steps=[used], error="backend_timeout")
    assert record_json(record) == {
        "id": "1",
        "at": "2026-02-01T12:00:00.123+00:00",
        "asked_for": "auto",
        "decision": {
            "action": "tools",
            "source": "llm",
            "reason": "the classifier chose it",
            "confidence": 0.5,
            "tool": "email",
            "operation": "search",
            "missing": None,
            "fallbacks": ["rule: abstain"],
            "versions": {"rule": "3"},
            "silent": [
                {
                    "source": "model",
                    "action": "direct",
                    "tool": None,
                    "operation": None,
                    "reason": "intent_direct",
                    "confidence": 0.9,
                    "agrees": False,
                }
            ],
        },
        "deciding": {
            "attempts": [
                {
                    "backend": "mini",
                    "model": "gemma4",
                    "load": "free",
                    "outcome": "timeout",
                    "hedge": False,
                    "beaten": False,
                    "continues_characters": None,
                    "waited_ms": 250.0,
                    "predicted_ttft_ms": 412.0,
                    "first_token_ms": None,
                    "predicted_e2e_ms": 3140.0,
                    "total_ms": 1500.0,
                    "output_tokens": 0,
                    **told([MINI_TOLD, NAS_TOLD]),
                },
                {
                    "backend": "b",
                    "model": "m",
                    "load": None,
                    "outcome": None,
                    "hedge": False,
                    "beaten": False,
                    "continues_characters": None,
                    "waited_ms": 0.0,
                    "predicted_ttft_ms": 100.0,
                    "first_token_ms": None,
                    "predicted_e2e_ms": None,
                    "total_ms": None,
                    "output_tokens": 0,
                    **told([RUNNING_TOLD]),
                },
            ],
            "nobody": None,
            "first_token_ms": None,
            "total_ms": 1500.0,
        },
        "answering": {"attempts": [], "nobody": told([NAS_TOLD]), "first_token_ms": None, "total_ms": None},
        "earlier_rounds": [],
        "tools": [{"tool": "email", "operation": "search", "outcome": "timeout", "total_ms": 20000.0}],
        "error": "backend_timeout",
        "trace_id": None,
    }
    assert SAID not in orjson.dumps(record_json(record)).decode()


def test_where_the_caller_had_decided_there_is_no_decision() -> None:
    assert record_json(Record("1", AT, "anna", "reasoner"))["decision"] is None


def test_the_one_who_asked_gets_the_words_too() -> None:
    told = decision_json(DECISION)
    assert (told["response"], told["prompt"], told["params"]) == (SAID, SAID, {"query": SAID})
    assert told["action"] == "tools"


@pytest.mark.parametrize(("first_at", "ms"), [(None, None), (10.0, 0.0), (10.1234, 123.4)])
def test_times_are_counted_from_the_first_attempt(first_at: float | None, ms: float | None) -> None:
    made = journey()
    made.end(made.attempts[1], Outcome.OK, first_at, 12.0)
    assert (journey_json(made)["first_token_ms"], journey_json(made)["total_ms"]) == (ms, 2000.0)


def test_a_journey_may_begin_when_the_clock_does() -> None:
    made = Journey()
    attempt = Attempt(why(MINI, won=MINI), MINI.candidate, None)
    made.begin(attempt, 0.0)
    made.begin(attempt, 5.0)
    assert made.started_at == 0.0


def test_both_journeys_of_a_record_know_its_id_for_the_log() -> None:
    record = DecisionLog().begin(AT, "anna", "auto")
    assert {record.deciding.decision, record.answering.decision} == {record.id}


def test_the_journey_of_a_record_is_the_answer_s_as_soon_as_somebody_was_looked_for() -> None:
    record = Record("1", AT, "anna", "auto")
    assert record.journey is record.deciding
    record.answering.nobody = why(NAS)
    assert record.journey is record.answering
