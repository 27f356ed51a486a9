"""A scenario's faults as `maek sim` has them, and which of them it has not.

Rules of this file
- What the simulator cannot do has a reason in words: a scenario is named as left out, never played as something else.
- A run over HTTP is shorter than one in virtual time. What happens to backends is compressed with it, so that it comes
  after the same part of the traffic and lasts for the same part; speeds and requests are what they are. Virtual time is
  compressed alike where the two are compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from bench.balance.faults import Cuts, Fault, Flap, Lies, RateLimit, Slow, Stall, resolved
from bench.balance.fleets import Host
from bench.balance.scenarios import Scenario
from bench.balance.sequence import Kv
from bench.balance.workload import Traffic
from simulator.profiles import PRESETS

Faults = Mapping[str, Mapping[str, Any]]
"""The body of `PUT /sim/faults`."""

_NEVER_UP_SECONDS = 0.01
_FOR_EVER_SECONDS = 86_400.0
"""The least and the most that the simulator takes."""
_CUT_AFTER_TOKENS = 3
"""In virtual time a stream breaks off anywhere. One with fewer tokens than this is whole."""
_TIMES = frozenset({"at", "seconds", "down_seconds", "up_seconds", "wave_seconds"})


class Unplayable(Exception):
    """Something that `maek sim` cannot do. The message says what and why."""


class Spell(NamedTuple):
    """Faults that hold for a while."""

    begins_at: float
    ends_at: float | None
    faults: Faults


class Change(NamedTuple):
    """From `at` on exactly these faults hold on a backend."""

    at: float
    backend: int
    faults: Faults


def preset_of(host: Host) -> str:
    """The preset of the simulator that a host is, whatever its slots. Raises Unplayable."""
    for name, profile in PRESETS.items():
        if replace(profile, slots=host.profile.slots) == host.profile:
            return name
    raise Unplayable(f"{host.name} has a profile of its own; `maek sim` has presets: {', '.join(PRESETS)}")


def check(scenario: Scenario, traffic: Traffic) -> None:
    """Raises Unplayable for what cannot be played over HTTP."""
    if scenario.kv is Kv.PREEMPTED:
        raise Unplayable("`maek sim` never runs out of memory and does not get hot")
    if any(demand.request.blocks for demand in traffic):
        raise Unplayable("`maek sim` caches no prefixes, which is what this is about")
    for host in scenario.fleet:
        preset_of(host)
    for _, fault in scenario.faults:
        spells(fault, 0.0)


def compressed(scenario: Scenario, ratio: float) -> Scenario:
    """The same with all that happens to backends at `ratio` of its times, and with memory as `maek sim` has it."""
    return replace(
        scenario,
        fleet=tuple(_compressed_host(host, ratio) for host in scenario.fleet),
        faults=tuple((whom, _compressed(fault, ratio)) for whom, fault in scenario.faults),
        outside=tuple((whom, _compressed(outside, ratio)) for whom, outside in scenario.outside),
        kv=Kv.REPORTED if scenario.kv is Kv.RESERVED else scenario.kv,
    )


def _compressed_host(host: Host, ratio: float) -> Host:
    return replace(
        host, cold_start_seconds=host.cold_start_seconds * ratio, keep_alive_seconds=host.keep_alive_seconds * ratio
    )


def _compressed(fault: Any, ratio: float) -> Any:
    times = {each.name: getattr(fault, each.name) * ratio for each in fields(fault) if each.name in _TIMES}
    return replace(fault, **times)


def spells(fault: Fault, until: float) -> list[Spell]:
    """When what holds on the backend that a fault is on. Raises Unplayable."""
    match fault:
        case Stall(at, seconds):
            # A simulator that stalls answers its health endpoint cheerfully; in virtual time nothing is answered.
            return [Spell(at, at + seconds, {"stall": {}, "slow_health": {"delay_seconds": seconds}})]
        case Slow(at, seconds, factor):
            return [Spell(at, at + seconds, {"slow": {"factor": factor}})]
        case Flap():
            return list(_flaps(fault, until))
        case Cuts(at, ratio):
            cut = {"ratio": ratio, "after_tokens": _CUT_AFTER_TOKENS, "how": "close"}
            return [Spell(at, None, {"cut": cut})]
        case RateLimit(at, per_second, burst):
            return [Spell(at, None, {"rate_limit": {"per_second": per_second, "burst": burst}})]
        case Lies(at):
            return [Spell(at, None, {"lying_status": {}})]
        case _:
            raise Unplayable(f"`maek sim` has no fault like {type(fault).__name__}")


def _flaps(fault: Flap, until: float) -> Iterator[Spell]:
    at = fault.at
    while at < until:
        # The simulator's own flapping begins with the time in which it is up.
        down = {"flap": {"up_seconds": _NEVER_UP_SECONDS, "down_seconds": _FOR_EVER_SECONDS}}
        yield Spell(at, at + fault.down_seconds, down)
        at += fault.down_seconds + fault.up_seconds


def changes(scenario: Scenario, until: float) -> list[Change]:
    """What is to be told to which backend, in the order of time; nothing begins behind `until`."""
    found: list[Change] = []
    for number in range(len(scenario.fleet)):
        held = [spell for spell in _spells_of(scenario, number, until) if spell.begins_at < until]
        moments = {spell.begins_at for spell in held} | {spell.ends_at for spell in held if spell.ends_at is not None}
        found += [Change(moment, number, _holding(held, moment)) for moment in moments]
    return sorted(found, key=lambda change: (change.at, change.backend))


def _spells_of(scenario: Scenario, number: int, until: float) -> Iterator[Spell]:
    for whom, fault in scenario.faults:
        if number in resolved(whom, scenario.fleet):
            yield from spells(fault, until)


def _holding(held: list[Spell], moment: float) -> Faults:
    together: dict[str, Mapping[str, Any]] = {}
    for spell in held:
        if spell.begins_at <= moment and (spell.ends_at is None or moment < spell.ends_at):
            together |= spell.faults
    return together


@dataclass(frozen=True, slots=True)
class Stranger:
    """A request of somebody who does not come through the router."""

    at: float
    backend: int
    prompt_tokens: int
    output_tokens: int


def strangers(scenario: Scenario, until: float, seed: int) -> list[Stranger]:
    """Who else uses the backends, in the order of time."""
    found = [
        Stranger(at, number, prompt, output)
        for whom, outside in scenario.outside
        for number in resolved(whom, scenario.fleet)
        for at, prompt, output in outside.requests(until, seed, number)
    ]
    return sorted(found, key=lambda one: (one.at, one.backend))
