"""A call: what is to be sent to whoever serves a role or a model, how long it may take, and how it is ranked.

Rules of this file
- Values, and how they follow from a role's configuration and a caller's words. Nothing is sent here.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from router.balance.admission import Terms
from router.balance.demand import Demand, Priority
from router.balance.policies import PolicyName
from router.balance.pools import Candidate, Pool
from router.config_roles import PriorityName, RoleConfig
from router.continuing import Delivered
from router.demands import demand_of
from router.patience import Deadlines

CHAT_PATH = "/v1/chat/completions"
DEFAULT_TERMS = Terms()
HEDGE_SECONDS = 1.5
"""People wait so long for a first word without wondering."""


def _nothing(_candidate: Candidate) -> Collection[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Call:
    """What is to be sent, whoever gets it. `body` is the request as JSON; the candidate's model is put into it."""

    target: str
    """The role or model that was asked for: for messages to people."""
    pool: Pool
    """Who could serve it, when it came."""
    path: str
    body: Mapping[str, Any]
    deadlines: Deadlines
    demand: Demand
    policy: PolicyName = PolicyName.PREDICTED
    terms: Terms = DEFAULT_TERMS
    """How long it may wait for somebody to have room."""
    attempts: int = 2
    """How often it may fail in all."""
    hedge_seconds: float | None = HEDGE_SECONDS
    """How long nothing may come, at least, before somebody else is asked besides; None: nobody is."""
    pool_now: Callable[[], Pool] | None = None
    """Who could serve it by now, while it waits; None: nobody else."""
    schema: Mapping[str, Any] | None = None
    """A JSON schema that the answer shall follow, asked for where the backend's engine understands it."""
    delivered: Delivered | None = None
    """What the client has of the answer already: the rest is asked for."""
    avoid: tuple[Candidate, ...] = ()
    """Who shall not be asked."""
    omits: Callable[[Candidate], Collection[str]] = _nothing
    """Keys of the body that a candidate is known not to take."""

    @property
    def stream(self) -> bool:
        """Whether the answer is wanted as it is generated."""
        return bool(self.body.get("stream"))


def call_for(
    target: str,
    role: RoleConfig,
    path: str,
    body: Mapping[str, Any],
    pool: Callable[[], Pool],
    *,
    priority: PriorityName | None = None,
    session: str | None = None,
    attempts: int = 2,
    schema: Mapping[str, Any] | None = None,
) -> Call:
    """A call to a role, or to a model as the settings of `role` have it. `priority`: as the caller wants it."""
    ranked = priority_of(role, priority, stream=bool(body.get("stream")))
    return Call(
        target,
        pool(),
        path,
        body,
        deadlines_of(role),
        demand_of(body, target, session=session, priority=ranked),
        role.policy,
        terms_of(role),
        attempts,
        HEDGE_SECONDS if role.hedge else None,
        pool,
        schema,
    )


def deadlines_of(role: RoleConfig) -> Deadlines:
    """How long a role waits."""
    return Deadlines(
        role.connect_timeout_seconds,
        role.first_token_timeout_seconds,
        role.token_timeout_seconds,
        role.timeout_seconds,
    )


def terms_of(role: RoleConfig) -> Terms:
    """How long the line of a role may become."""
    queue = role.queue
    return Terms(queue.most, queue.most_wait_seconds, queue.rise_seconds)


def priority_of(role: RoleConfig, wanted: PriorityName | None, *, stream: bool) -> Priority:
    """The caller's word, then the role's. Where nobody said, somebody sits before a stream."""
    usual = PriorityName.INTERACTIVE if stream else PriorityName.NORMAL
    return Priority[(wanted or role.priority or usual).name]


def with_role_defaults(body: Mapping[str, Any], role: RoleConfig) -> dict[str, Any]:
    """The request with the role's temperature and length where the caller has named none."""
    filled = dict(body)
    if role.temperature is not None and filled.get("temperature") is None:
        filled["temperature"] = role.temperature
    if role.max_tokens is not None and filled.get("max_tokens") is None and filled.get("max_completion_tokens") is None:
        filled["max_tokens"] = role.max_tokens
    return filled
