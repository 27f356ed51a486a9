"""Ways to choose among the candidates of a pool; `POLICIES` names them.

Rules of this file
- Pure, each a function of a `Scene`. A new one is a function and a line in `POLICIES`.
"""

from collections.abc import Mapping
from hashlib import blake2b
from math import inf

from router.balance import predicted
from router.balance.policy import Policy, Scene
from router.config_roles import PolicyName

__all__ = ["POLICIES", "PolicyName"]


def least_in_flight(scene: Scene) -> list[float]:
    """Requests there, others' included."""
    return [one.outlook.in_flight + waiting for one, waiting in zip(scene.able, scene.before, strict=True)]


def weighted(scene: Scene) -> list[float]:
    """Requests there, this one included, for each unit of weight."""
    return [
        (one.outlook.in_flight + waiting + 1) / one.state.spec.weight
        for one, waiting in zip(scene.able, scene.before, strict=True)
    ]


def p2c(scene: Scene) -> list[float]:
    """Requests there, for two at random; the others are not looked at (Mitzenmacher, TPDS 2001)."""
    many = len(scene.able)
    busy = least_in_flight(scene)
    if many <= 2:
        return busy
    first, second = divmod(min(int(scene.random * many * (many - 1)), many * (many - 1) - 1), many - 1)
    second += second >= first
    return [cost if place in (first, second) else inf for place, cost in enumerate(busy)]


def round_robin(scene: Scene) -> list[float]:
    """How many turns until it is its turn."""
    many = len(scene.able)
    return [float((place - scene.demand.number) % many) for place in range(many)]


def priority(scene: Scene) -> list[float]:
    """The tier, the full ones after all that have room; among equals the fewest requests."""
    busy = least_in_flight(scene)
    most = 1 + max(busy)
    tiers = [one.state.spec.tier + cost / most for one, cost in zip(scene.able, busy, strict=True)]
    return _full_last(scene, tiers)


def _full_last(scene: Scene, costs: list[float]) -> list[float]:
    above = 1 + max(costs)
    rooms = zip(scene.able, scene.before, costs, strict=True)
    return [cost + above if one.room - waiting < 1 else cost for one, waiting, cost in rooms]


def pin(scene: Scene) -> list[float]:
    """Rendezvous hashing of the session (Thaler and Ravishankar, 1998): nobody else moves when one goes."""
    session = scene.demand.session
    if session is None:
        return _full_last(scene, least_in_flight(scene))
    return [float(_score(session, one.candidate.backend)) for one in scene.able]


def _score(session: str, backend: str) -> int:
    return int.from_bytes(blake2b(f"{session}\0{backend}".encode(), digest_size=6).digest())


POLICIES: Mapping[PolicyName, Policy] = {
    PolicyName.PREDICTED: Policy(predicted.costs, "lowest predicted cost", waits=True),
    PolicyName.LEAST_IN_FLIGHT: Policy(least_in_flight, "fewest requests in flight"),
    PolicyName.WEIGHTED: Policy(weighted, "fewest requests for its weight"),
    PolicyName.P2C: Policy(p2c, "the less busy of two"),
    PolicyName.ROUND_ROBIN: Policy(round_robin, "its turn"),
    PolicyName.PRIORITY: Policy(priority, "first tier with room", waits=True),
    PolicyName.PIN: Policy(pin, "where the session lives", waits=True),
}
