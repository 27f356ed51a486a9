"""How one simulated server is set up.

Rules of this file
- Values and their checks only. Whatever is wrong is found when the settings are made, with a sentence for the user.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from simulator.faults import Fault
from simulator.profiles import PRESETS, Profile


class SettingsError(ValueError):
    """Settings that make no server. The text is for the person who wrote them."""


class Engine(StrEnum):
    """Which server is simulated: its endpoints and nobody else's, its shapes, its quirks."""

    OPENAI = "openai"
    """Any OpenAI-compatible server without more."""
    VLLM = "vllm"
    LLAMACPP = "llamacpp"
    OLLAMA = "ollama"
    MLX = "mlx"
    SGLANG = "sglang"
    LMSTUDIO = "lmstudio"
    TGI = "tgi"
    STATUS = "status"
    """OpenAI-compatible, with `/status` that tells `active_jobs` and `total_requests`."""


@dataclass(frozen=True, slots=True)
class SimSettings:
    """One server. None stands for the preset's or the engine's own default."""

    engine: Engine = Engine.OPENAI
    models: tuple[str, ...] = ("sim-small-1b", "sim-large-32b")
    """In the order in which the server lists them; the first answers where a request names none."""
    preset: str = "instant"
    """A name in `PRESETS`."""
    profile: Profile | None = None
    """Constants of one's own, instead of a preset."""
    slots: int | None = None
    max_queue: int | None = None
    """Requests that may wait for a slot; more are refused. Ollama: 512; the others: no limit."""
    cold_start_seconds: float = 0.0
    """How long a model loads before its first step. 0: all models are always in memory."""
    keep_alive_seconds: float | None = None
    """How long an idle model stays in memory. Ollama: 300; the others: for ever."""
    seed: int = 0
    """Of the dice that `error_500` throws; texts and vectors need none."""
    faults: tuple[Fault, ...] = ()
    """Faults that hold from the start."""

    def __post_init__(self) -> None:
        if self.engine not in list(Engine):
            raise SettingsError(f"unknown engine {self.engine!r}; known are {', '.join(Engine)}")
        if not self.models or len(set(self.models)) != len(self.models) or not all(self.models):
            raise SettingsError("models must be one or more different names")
        if self.preset not in PRESETS:
            raise SettingsError(f"unknown preset {self.preset!r}; known are {', '.join(PRESETS)}")
        if self.slots is not None and self.slots < 1:
            raise SettingsError("slots must be at least 1")
        if self.max_queue is not None and self.max_queue < 0:
            raise SettingsError("max_queue must not be negative")
        if not (0 <= self.cold_start_seconds < math.inf):
            raise SettingsError("cold_start_seconds must not be negative")
        if self.keep_alive_seconds is not None and not self.keep_alive_seconds >= 0:
            raise SettingsError("keep_alive_seconds must not be negative")

    @property
    def machine(self) -> Profile:
        """The constants that hold: `profile`, else the preset's."""
        return self.profile or PRESETS[self.preset]
