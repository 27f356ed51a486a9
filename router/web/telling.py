"""What one listener has been told, and what is new to him.

Rules of this file
- No clock and no sockets: it compares what is with what was told.
- Bounded: the backends that there are, and the latest decisions of one owner.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.decisions import DecisionLog
from router.web.glimpses import decision_glimpse
from router.web.history import POINT_SECONDS, History
from router.web.live import Picture

MOST_DECISIONS = 30
"""As many as a page shows."""

News = tuple[str, Mapping[str, Any]]
"""An event: its name and its data."""


class Telling:
    """One listener."""

    def __init__(self) -> None:
        self._backends: Mapping[str, Mapping[str, Any]] = {}
        self._rest: Mapping[str, Any] = {}
        self._decisions: dict[str, Mapping[str, Any]] = {}
        self._looks = -1

    def fleet(self, picture: Picture, chats: Mapping[str, int]) -> Iterator[News]:
        """The backends that are not as they were told, the names of all, who serves which role, and `chats`."""
        changed = [one for name, one in picture.backends.items() if self._backends.get(name) != one]
        rest = {"names": list(picture.backends), "roles": picture.roles, "chats": chats}
        if changed or rest != self._rest:
            self._backends, self._rest = picture.backends, rest
            yield "fleet", {"changed": changed, **rest}

    def history(self, history: History) -> Iterator[News]:
        """All points, as soon as there is a new look."""
        if history.looks != self._looks:
            self._looks = history.looks
            yield "history", {"point_seconds": POINT_SECONDS, "backends": history.as_json()}

    def decisions(self, log: DecisionLog, owner: str) -> Iterator[News]:
        """This owner's decisions that are new or have gone on, the oldest first."""
        latest = [decision_glimpse(record) for record in reversed(log.latest(owner, MOST_DECISIONS))]
        changed = self._not_yet_told(latest)
        self._decisions = {one["id"]: one for one in latest}
        if changed:
            yield "decisions", {"changed": changed}

    def _not_yet_told(self, latest: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return [one for one in latest if self._decisions.get(one["id"]) != one]
