"""What is tried: one machine at a time, under some traffic, with something that goes wrong or nothing.

Rules of this file
- How much is asked is a part of what the machine can bear with good streams, so that a situation means the same on any.
- Faults begin behind the warm-up, when whoever learns has had a chance to learn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from bench.balance.agent import Engine, FailureKind
from bench.balance.faults import Change, Fault, Lies, Outside, Slow, Stall, Whom
from bench.balance.fleets import FLEETS, Fleet, Host, capacity_per_second
from bench.balance.scenarios import WARM_UP_SECONDS, Scenario
from bench.balance.workload import CONVERSATIONS

SECONDS = 330.0
_FAULT_AT = 2 * WARM_UP_SECONDS


@dataclass(frozen=True, slots=True)
class Noise:
    """Latencies of a health endpoint that says nothing: lognormal."""

    median_seconds: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Gone:
    """From `at` on nobody listens for so long, and whatever ran is lost."""

    at: float
    seconds: float

    def changes(self, until: float) -> Iterator[tuple[float, Change]]:
        """Away, and back."""
        if self.at < until:
            yield self.at, lambda site, now: site.crash(FailureKind.REFUSED)  # noqa: ARG005
            yield self.at + self.seconds, lambda site, now: site.come_back()  # noqa: ARG005


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table."""

    about: str
    load_ratio: float
    """Mean rate, as a part of what the machine bears with good streams."""
    faults: tuple[Fault, ...] = ()
    outside_ratio: float = 0.0
    """Others' traffic, in waves, as such a part too."""
    noise: Noise | None = None
    onsets: tuple[float, ...] = ()
    """When something begins that ought to be noticed …"""
    lasts_seconds: float = 0.0
    """… before it is over."""
    only: Engine | None = None
    """On machines with this software alone; None: on all."""
    cold_start_seconds: float = 0.0
    """Loading the model, which is put away after a minute without requests."""


_STALLS = tuple(_FAULT_AT + 70.0 * count for count in range(3))

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "idle": Kind("a twentieth of what it bears", 0.05),
        "normal": Kind("two fifths", 0.4),
        "busy": Kind("four fifths", 0.8),
        "overload": Kind("a third more than it bears", 1.3),
        "stall": Kind(
            "nothing moves for 20 s, three times",
            0.4,
            tuple(Stall(at, 20.0) for at in _STALLS),
            onsets=_STALLS,
            lasts_seconds=20.0,
        ),
        "slow": Kind(
            "six times slower for two minutes",
            0.4,
            (Slow(_FAULT_AT, 120.0, 6.0),),
            onsets=(_FAULT_AT,),
            lasts_seconds=120.0,
        ),
        "outside": Kind("others' clients in waves, little of ours", 0.15, outside_ratio=0.5),
        "cold": Kind("the model is put away after a minute", 0.03, only=Engine.OLLAMA, cold_start_seconds=15.0),
        "lying": Kind("statistics say that nothing runs", 0.7, (Lies(0.0),), only=Engine.VLLM),
        "noise": Kind("a health endpoint with latencies of its own", 0.3, noise=Noise(0.04, 1.2)),
        "gone": Kind("nobody listens for a minute", 0.3, (Gone(_FAULT_AT, 60.0),)),
    }
)
"""In the order of the table."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One machine, and what happens to it."""

    name: str
    host: Host

    @property
    def kind(self) -> Kind:
        """What happens."""
        return KINDS[self.name]

    @property
    def outside(self) -> Outside | None:
        """Others' traffic: conversations."""
        prompt, output = CONVERSATIONS.mean_prompt_tokens, CONVERSATIONS.mean_output_tokens
        ratio = self.kind.outside_ratio
        return Outside(ratio * capacity_per_second((self.host,), prompt, output)) if ratio else None

    def scenario(self) -> Scenario:
        """As the world wants it."""
        kind, host, outside = self.kind, self.host, self.outside
        if kind.cold_start_seconds:
            host = replace(host, cold_start_seconds=kind.cold_start_seconds, keep_alive_seconds=60.0)
        return Scenario(
            kind.about,
            (host,),
            kind.load_ratio,
            faults=tuple((Whom.ALL, fault) for fault in kind.faults),
            outside=() if outside is None else ((Whom.ALL, outside),),
        )


def machines() -> Fleet:
    """Every machine of the built-in fleets once, and one that works on a single request at a time."""
    found = {host.name: host for name in ("hetero5", "homelab4") for host in FLEETS[name]}
    single = replace(found["rtx4090"], name="single", profile=replace(found["rtx4090"].profile, slots=1))
    return (*found.values(), single)


def situations(kinds: Sequence[str], fleet: Fleet) -> list[Situation]:
    """Every kind on every machine where it can be."""
    return [Situation(name, host) for name in kinds for host in fleet if KINDS[name].only in (None, host.engine)]
