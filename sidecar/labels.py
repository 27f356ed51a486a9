"""Under which name a model stands in metrics: its own, or `other`.

Rules of this file
- A stranger chooses no label: only a model that the operator has named for a backend, or that a backend lists, has one
  of its own.
- At most `MOST_MODELS` values, `other` among them. What the operator has named is never folded, and has its place kept
  free; a backend that is gone gives back what it took.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

OTHER = "other"
"""What a model is called in metrics that has no name of its own there."""
MOST_MODELS = 100
"""Each is some 40 series for each backend that it runs on; people compare a dozen."""


class ModelLabels:
    """Who has which label. `folded` counts the requests to a model that stands under `other` though it has a name."""

    def __init__(self) -> None:
        self.folded = 0
        self._named: dict[str, frozenset[str]] = {}
        """Backend → the models that the operator has named for it."""
        self._given: dict[str, set[str]] = {}
        """Backend → the models that have their own name there."""
        self._uses: Counter[str] = Counter()
        """Model → backends on which it has."""

    def name(self, backend: str, models: Iterable[str]) -> None:
        """The operator has named these models for a backend, and no others."""
        self._named[backend] = frozenset(models)
        self._given.setdefault(backend, set())

    def forget(self, backend: str) -> None:
        """A backend is gone."""
        self._named.pop(backend, None)
        self._uses.subtract(self._given.pop(backend, ()))
        self._uses = +self._uses

    def label(self, backend: str, model: str, listed: Iterable[str]) -> str:
        """How a request to `model` on a known backend is told; `listed`: names of the models that it says it has."""
        given = self._given[backend]
        if model in given:
            return model
        if not model:
            return OTHER  # nobody said
        if model in self._named[backend] or (self._has_room_for(model) and model in listed):
            given.add(model)
            self._uses[model] += 1
            return model
        self.folded += 1
        return OTHER

    def _has_room_for(self, model: str) -> bool:
        taken = _all(self._named) | self._uses.keys()
        return model in taken or len(taken) < MOST_MODELS - 1


def _all(named: Mapping[str, Collection[str]]) -> set[str]:
    return {model for models in named.values() for model in models}
