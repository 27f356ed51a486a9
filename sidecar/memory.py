"""What of a backend's models is in memory between two listings: what is being loaded, and what leaves when.

Rules of this file
- Pure: `Memory` is a value, and each step gives a new one. Moments are those of the facts.
- A listing speaks of its own moment. An answer of ours keeps a model for as long as its stay was ever seen to be.
- Ollama lists a model while it still loads it, as if it were there: while we wait for one, that proves nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sidecar.engines.engine import Model

LATEST = ":latest"
"""What Ollama lists as `gemma3:latest` may be asked for as `gemma3`."""


def plain(model: str) -> str:
    """The name under which a model is remembered, however it was asked for."""
    return model.removesuffix(LATEST)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known beyond the listing. Keys are plain names of models."""

    loading_since: Mapping[str, float] = field(default_factory=dict)
    """When a model was first seen to be on its way into memory, or was asked for that was not there."""
    leaves_at: Mapping[str, float] = field(default_factory=dict)
    """When its stay ends unless it is asked again."""
    stays_seconds: Mapping[str, float] = field(default_factory=dict)
    """The longest that it was told to stay: it is the keep-alive, or a little less."""
    asked: str | None = None
    """Maek has asked for it to be loaded, and waits for the end of that."""

    def after_listing(self, at: float, models: Iterable[Model], *, busy: bool) -> "Memory":
        """The backend has told what is in memory. `busy`: requests of ours are there, which may wait for a load."""
        since = self.loading_since
        loading = {plain(model.name): since.get(plain(model.name), at) for model in models if model.loading}
        if busy:
            loading = {**since, **loading}
        elif self.asked is not None and self.asked in since:
            loading[self.asked] = since[self.asked]
        # A stay that has run out and is still listed is that of a model at work: when it ends nobody knows.
        stays = {plain(model.name): model.expires_in_seconds for model in models if model.expires_in_seconds}
        leaves = {name: at + seconds for name, seconds in stays.items()}
        longest = {name: max(seconds, self.stays_seconds.get(name, 0.0)) for name, seconds in stays.items()}
        return self._unless_empty(loading, leaves, {**self.stays_seconds, **longest}, self.asked)

    def after_load_began(self, at: float, model: str) -> "Memory":
        """Somebody has asked for a model that is not there."""
        return replace(self, loading_since={plain(model): at, **self.loading_since})

    def after_load_asked(self, at: float, model: str) -> "Memory":
        """Maek has asked for a model to be loaded, and for nothing else."""
        return replace(self.after_load_began(at, model), asked=plain(model))

    def after_load_ended(self, model: str) -> "Memory":
        """Nobody waits for it to be loaded any more, whether it was or not."""
        name = plain(model)
        loading = {other: since for other, since in self.loading_since.items() if other != name}
        return self._unless_empty(
            loading, self.leaves_at, self.stays_seconds, None if self.asked == name else self.asked
        )

    def after_answer(self, at: float, model: str) -> "Memory":
        """A token or the end of an answer of it came: it is there, and stays on."""
        name = plain(model)
        memory = self.after_load_ended(model) if name in self.loading_since else self
        stays_seconds = self.stays_seconds.get(name)
        if stays_seconds is None:
            return memory
        return replace(memory, leaves_at={**memory.leaves_at, name: at + stays_seconds})

    @staticmethod
    def _unless_empty(
        loading: Mapping[str, float], leaves: Mapping[str, float], stays: Mapping[str, float], asked: str | None
    ) -> "Memory":
        """One object for all that know nothing: most backends never do, and are passed over at once."""
        return Memory(loading, leaves, stays, asked) if loading or leaves or stays or asked else NOTHING_REMEMBERED


NOTHING_REMEMBERED = Memory()
