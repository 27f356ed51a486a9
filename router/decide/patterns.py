"""Regular expressions that are compiled when they are first used.

Rules of this file
- Compiling the keyword rules' grammar takes a quarter of a second, and a server should listen before that. Whoever
  serves lets one message be decided in the background, so that no user waits for it either.
"""

import re
from typing import Any, cast


class _Lazy:
    """Becomes the compiled pattern, method by method: the second call of one costs nothing extra."""

    def __init__(self, source: str, flags: int) -> None:
        self._source = source
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        # `re` keeps what it has compiled, so that the methods of one pattern share it.
        attribute = getattr(re.compile(self._source, self._flags), name)
        setattr(self, name, attribute)
        return attribute


def lazy(source: str, flags: int = 0) -> re.Pattern[str]:
    """As `re.compile`, later. Only its methods may be used: it cannot be handed to the functions of `re`."""
    return cast("re.Pattern[str]", _Lazy(source, flags))
