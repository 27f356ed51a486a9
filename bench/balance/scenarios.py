"""What is tried: traffic × fleet × faults, each a row.

Rules of this file
- How much is asked is said as a part of what the fleet can bear, so that a scenario means the same on any fleet and
  with any trace. The names keep the rates of the Azure conversation trace that the built-in fleets get.
- Faults begin behind the warm-up, when a router that learns has had its chance to learn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from bench.balance.agent import Engine
from bench.balance.faults import Cuts, Fault, Flap, Heat, Lies, Outside, RateLimit, Slow, Stall, Whom
from bench.balance.fleets import FLEETS, Fleet
from bench.balance.sequence import Kv
from bench.balance.workload import CODE_COMPLETIONS, CONVERSATIONS, SESSIONS, Kind

WARM_UP_SECONDS = 60.0
"""Requests that arrive earlier are served and not scored."""
_LARGE_BATCH = 32


def _as_it_is(fleet: Fleet) -> Fleet:
    return fleet


def _sleepy(fleet: Fleet) -> Fleet:
    """Where the model is put away after a minute and needs a quarter of one to load: Ollama's hosts; of a fleet without
    them, all but the fastest."""
    asleep = [host for host in fleet if host.engine is Engine.OLLAMA] or sorted(fleet, key=lambda host: -host.weight)[
        1:
    ]
    return tuple(
        replace(host, cold_start_seconds=15.0, keep_alive_seconds=60.0) if host in asleep else host for host in fleet
    )


def _cramped(fleet: Fleet) -> Fleet:
    """With a sixteenth of the memory for keys and values where batches are large."""
    return tuple(
        replace(host, profile=replace(host.profile, kv_capacity_tokens=host.profile.kv_capacity_tokens // 16))
        if host.profile.slots >= _LARGE_BATCH
        else host
        for host in fleet
    )


@dataclass(frozen=True, slots=True)
class Scenario:
    """One situation that a router may get into."""

    about: str
    fleet: Fleet
    load_ratio: float
    """Mean rate, as a part of what the fleet bears with good streams."""
    traffic: Kind = CONVERSATIONS
    faults: tuple[tuple[Whom, Fault], ...] = ()
    outside: tuple[tuple[Whom, Outside], ...] = ()
    kv: Kv = Kv.RESERVED
    altered: Callable[[Fleet], Fleet] = _as_it_is
    """What becomes of the fleet before the traffic begins."""
    fleet_matters: bool = False
    """Whether there is no point in it with any other fleet."""


_HETERO, _HOMELAB, _HOMOG = FLEETS["hetero5"], FLEETS["homelab4"], FLEETS["homog4"]

# The Azure conversation trace brings six requests a second; of its sizes hetero5 bears about 17.1, homelab4 3.5.
_X10, _X15, _X20 = 0.35, 0.53, 0.70
_LAB_X035, _LAB_X05 = 0.61, 0.87


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "hetero-x1.5": Scenario("five unequal machines, half loaded", _HETERO, _X15),
        "hetero-x2.0": Scenario("the same at seven tenths", _HETERO, _X20),
        "homelab-x0.35": Scenario(
            "four machines of hobbyists, three with few slots", _HOMELAB, _LAB_X035, fleet_matters=True
        ),
        "homelab-x0.5": Scenario("the same, nearly full", _HOMELAB, _LAB_X05, fleet_matters=True),
        "homog": Scenario("four equal machines", _HOMOG, 0.75, fleet_matters=True),
        "burst": Scenario("code completions in bursts of several times the mean", _HETERO, 0.30, CODE_COMPLETIONS),
        "overload": Scenario("a quarter more than the fleet can bear", _HOMELAB, 1.25),
        "outside": Scenario(
            "others use the two fastest in waves",
            _HETERO,
            _X10,
            outside=((Whom.FASTEST, Outside(2.5)), (Whom.SECOND, Outside(1.2))),
        ),
        "slow": Scenario(
            "the fastest is six times slower for two minutes",
            _HETERO,
            _X15,
            faults=((Whom.FASTEST, Slow(120.0, 120.0, 6.0)),),
        ),
        "stall": Scenario(
            "the fastest and later the second stand still for 20 s with open connections",
            _HETERO,
            _X15,
            faults=((Whom.FASTEST, Stall(120.0, 20.0)), (Whom.SECOND, Stall(240.0, 20.0))),
        ),
        "flap": Scenario(
            "the second fastest is gone for 20 s, there for 20 s; errors come fast",
            _HETERO,
            _X15,
            faults=((Whom.SECOND, Flap(90.0, 20.0, 20.0)),),
        ),
        "cold": Scenario("models are put away after a minute and load in 15 s", _HOMELAB, 0.4, altered=_sleepy),
        "cut": Scenario(
            "one stream in ten of the second fastest breaks off",
            _HETERO,
            _X15,
            faults=((Whom.SECOND, Cuts(60.0, 0.1)),),
        ),
        "rate-limit": Scenario(
            "the fastest takes three requests a second and answers the others by 429",
            _HETERO,
            _X10,
            faults=((Whom.FASTEST, RateLimit(60.0, 3.0, 10.0)),),
        ),
        "lying": Scenario(
            "the third fastest says that nothing runs", _HETERO, _X20, faults=((Whom.THIRD, Lies(60.0)),)
        ),
        "nonlinear": Scenario(
            "full memory puts answers back, and heat slows down",
            _HETERO,
            0.6,
            faults=((Whom.ALL, Heat()),),
            kv=Kv.PREEMPTED,
            altered=_cramped,
        ),
        "sessions": Scenario("conversations of several turns whose prompts begin alike", _HETERO, 0.6, SESSIONS),
    }
)
"""In the order of the table."""
