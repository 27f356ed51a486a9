"""The machines of a run: three fleets that people own, and others from a file.

Rules of this file
- Pure but for `read_fleet`. Speeds are those of `simulator.profiles`; nothing here was measured on a graphics card.
- What traffic a fleet can bear is estimated from its profiles alone, so that a scenario asks as much of any fleet.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bench.balance.agent import Engine
from simulator.profiles import PRESETS, Profile

SLO_TTFT_SECONDS = 2.0
SLO_TPOT_SECONDS = 0.06
"""The slowest stream that still counts as good: 17 tokens a second, some three times as fast as people read."""


@dataclass(frozen=True, slots=True)
class Host:
    """One backend of a fleet."""

    name: str
    engine: Engine
    profile: Profile
    weight: float
    """Its true capacity in proportion to the others'."""
    cold_start_seconds: float = 0.0
    keep_alive_seconds: float = math.inf


Fleet = tuple[Host, ...]


class FleetUnreadable(Exception):
    """A file does not describe a fleet. The message says what to change."""


def _vllm(name: str, preset: str, weight: float) -> Host:
    return Host(name, Engine.VLLM, PRESETS[preset], weight)


def _ollama(name: str, preset: str, weight: float) -> Host:
    return Host(name, Engine.OLLAMA, PRESETS[preset], weight)


_H100 = _vllm("h100", "h100", 7.7)
_A100 = _vllm("a100", "a100", 3.8)
_L40S = _vllm("l40s", "l40s", 1.85)
_RTX4090 = _ollama("rtx4090", "rtx4090", 1.0)
_RTX3090 = _ollama("rtx3090", "rtx3090", 0.75)
_ULTRA = _ollama("ultra", "apple_ultra", 0.3)

FLEETS: Mapping[str, Fleet] = MappingProxyType(
    {
        "hetero5": (_H100, _A100, _L40S, _RTX4090, _ULTRA),
        "homelab4": (_L40S, _RTX4090, _RTX3090, _ULTRA),
        "homog4": tuple(_vllm(f"l40s-{number}", "l40s", 1.85) for number in range(1, 5)),
    }
)
"""Fleets by name."""


def capacity_per_second(fleet: Fleet, prompt_tokens: float, output_tokens: float) -> float:
    """About how many requests of this mean size a fleet can finish a second with good streams."""
    return sum(_capacity(host.profile, prompt_tokens, output_tokens) for host in fleet)


def _capacity(profile: Profile, prompt_tokens: float, output_tokens: float) -> float:
    best = 0.0
    for company in range(1, profile.slots + 1):
        context = company * (prompt_tokens + output_tokens / 2)
        if company > 1 and context > profile.kv_capacity_tokens:
            break
        step = profile.step_seconds(company, int(context), 0)
        prefill = prompt_tokens * profile.per_prefill_token_seconds
        rate = 1 / (prefill + output_tokens * step / company)
        # Streams wait while prompts are computed; the slowest machines miss the target alone, and are used yet.
        if company == 1 or step / (1 - rate * prefill) <= SLO_TPOT_SECONDS:
            best = max(best, rate)
    return best


class _ProfileEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base_seconds: Annotated[float, Field(gt=0)]
    per_sequence_seconds: Annotated[float, Field(ge=0)]
    per_context_token_seconds: Annotated[float, Field(ge=0)]
    per_prefill_token_seconds: Annotated[float, Field(gt=0)]
    prefill_chunk_tokens: Annotated[int, Field(ge=16)]
    slots: Annotated[int, Field(ge=1)]
    kv_capacity_tokens: Annotated[int, Field(ge=1024)]


class _HostEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    engine: Engine = Engine.VLLM
    preset: str = ""
    profile: _ProfileEntry | None = None
    slots: Annotated[int, Field(ge=1)] | None = None
    weight: Annotated[float, Field(gt=0)] | None = None
    cold_start_seconds: Annotated[float, Field(ge=0)] = 0.0
    keep_alive_seconds: Annotated[float, Field(gt=0)] = math.inf


class _FleetFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    backends: Annotated[list[_HostEntry], Field(min_length=1)]


def read_fleet(path: Path) -> Fleet:
    """The fleet that a YAML file describes. Raises FleetUnreadable."""
    try:
        entries = TypeAdapter(_FleetFile).validate_python(yaml.safe_load(path.read_text("utf-8"))).backends
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FleetUnreadable(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FleetUnreadable(f"{path}: {where}: {first['msg']}. bench/README.md shows a fleet.") from error
    fleet = tuple(_host(path, entry) for entry in entries)
    if len({host.name for host in fleet}) < len(fleet):
        raise FleetUnreadable(f"{path}: two backends have the same name.")
    return fleet


def _host(path: Path, entry: _HostEntry) -> Host:
    if entry.profile is not None and not entry.preset:
        profile = Profile(**entry.profile.model_dump())
    elif entry.profile is None and entry.preset in PRESETS:
        profile = PRESETS[entry.preset]
    else:
        raise FleetUnreadable(f"{path}: {entry.name} needs either a profile or a preset: {', '.join(PRESETS)}.")
    if entry.slots is not None:
        profile = replace(profile, slots=entry.slots)
    # Of conversations as people have them, which is what an operator would have measured.
    weight = entry.weight or _capacity(profile, 1243, 217)
    return Host(entry.name, entry.engine, profile, weight, entry.cold_start_seconds, entry.keep_alive_seconds)
