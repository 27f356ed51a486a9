"""The tools there are at this moment: Maek's own, and those of servers of others, which come and go.

Rules of this file
- A view and no copy: whoever holds it sees what there is when he looks. Nobody may look twice and expect the same.
- A tool of Maek's own is never hidden by another of its name.
"""

from collections.abc import Callable, Iterator, Mapping

from router.tools.spec import Tool


class LiveTools(Mapping[str, Tool]):
    """`own` stays; `outside` is asked each time."""

    def __init__(self, own: Mapping[str, Tool], outside: Callable[[], Mapping[str, Tool]]) -> None:
        self._own = own
        self._outside = outside

    def __getitem__(self, name: str) -> Tool:
        found = self._own.get(name)
        return self._outside()[name] if found is None else found

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name in self._outside() if name not in self._own)

    def __len__(self) -> int:
        return sum(1 for _ in self)  # `list` would ask for the length


def nothing_outside() -> Mapping[str, Tool]:
    """Where there are no servers of others."""
    return {}
