"""How many chats Maek itself is working on: its own `/status`, for routers in front of it.

Rules of this file
- A chat is in from its first to its last byte; only the context manager counts.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from router.errors import Shed

RETRY_AFTER_SECONDS = 1.0
"""Chats end all the time; a second later there is likely room."""


class Occupancy:
    """Counts chats, and refuses more than `most` at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.active = 0
        self.total = 0

    @contextmanager
    def chat(self) -> Iterator[None]:
        """One chat, for as long as the context lasts. Raises Shed when there are too many."""
        if self.active >= self.most:
            raise Shed(
                f"{self.active} of {self.most} chats run already (router.limits.streams); try again soon.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
        self.active += 1
        self.total += 1
        try:
            yield
        finally:
            self.active -= 1
