"""What a call makes of a role's configuration and of a caller's words."""

from typing import Any

import pytest

from router.balance.admission import Terms
from router.balance.demand import Priority
from router.balance.policies import PolicyName
from router.balance.pools import Candidate
from router.call import CHAT_PATH, call_for, deadlines_of, priority_of, terms_of, with_role_defaults
from router.config_roles import PriorityName, QueueConfig, RoleConfig
from router.patience import Deadlines


@pytest.mark.parametrize(
    ("body", "role", "filled"),
    [
        ({}, RoleConfig(), {}),
        ({}, RoleConfig(temperature=0.3, max_tokens=5), {"temperature": 0.3, "max_tokens": 5}),
        ({"temperature": 0}, RoleConfig(temperature=0.3), {"temperature": 0}),
        ({"temperature": None}, RoleConfig(temperature=0.3), {"temperature": 0.3}),
        ({"max_tokens": 9}, RoleConfig(max_tokens=5), {"max_tokens": 9}),
        ({"max_completion_tokens": 9}, RoleConfig(max_tokens=5), {"max_completion_tokens": 9}),
    ],
)
def test_a_role_fills_in_what_the_caller_left_open(body: Any, role: RoleConfig, filled: Any) -> None:
    given_body = dict(body)
    assert with_role_defaults(body, role) == filled
    assert body == given_body


def test_a_role_says_how_long_it_waits() -> None:
    role = RoleConfig(
        connect_timeout_seconds=1, first_token_timeout_seconds=2, token_timeout_seconds=3, timeout_seconds=4
    )
    assert deadlines_of(role) == Deadlines(1, 2, 3, 4)


def test_a_role_says_how_long_its_line_may_become() -> None:
    queue = QueueConfig(most=1, most_wait_seconds=2, rise_seconds=3)
    assert terms_of(RoleConfig(queue=queue)) == Terms(1, 2.0, 3.0)
    assert terms_of(RoleConfig()) == Terms()


@pytest.mark.parametrize(
    ("role", "wanted", "stream", "priority"),
    [
        (None, None, False, Priority.NORMAL),
        (None, None, True, Priority.INTERACTIVE),
        ("batch", None, True, Priority.BATCH),
        ("interactive", None, False, Priority.INTERACTIVE),
        ("interactive", "batch", True, Priority.BATCH),
        (None, "normal", True, Priority.NORMAL),
        ("normal", "interactive", False, Priority.INTERACTIVE),
    ],
)
def test_the_callers_word_counts_before_the_roles_and_a_stream_has_somebody_before_it(
    role: PriorityName | None, wanted: PriorityName | None, stream: bool, priority: Priority
) -> None:
    config = RoleConfig.model_validate({"priority": role})
    assert priority_of(config, None if wanted is None else PriorityName(wanted), stream=stream) is priority


def test_a_call_follows_from_its_role() -> None:
    pool = (Candidate("a", "m"),)
    role = RoleConfig(policy=PolicyName.PIN, queue=QueueConfig(most=7), timeout_seconds=9)
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    call = call_for("reasoner", role, CHAT_PATH, body, lambda: pool, session="s", attempts=3)
    assert (call.target, call.pool, call.policy, call.attempts) == ("reasoner", pool, PolicyName.PIN, 3)
    assert (call.terms.most, call.deadlines.total_seconds, call.stream) == (7, 9.0, True)
    assert (call.demand.role, call.demand.priority) == ("reasoner", Priority.INTERACTIVE)
    assert call.demand.session not in (None, "s")  # a fingerprint: who talks is not written down
    assert call.pool_now is not None
    assert call.pool_now() == pool
