"""The prefixes that a backend still has in its key-value cache: least recently used blocks go first.

Rules of this file
- A block counts only behind all the blocks before it, as in every engine that caches prefixes.
"""

from collections import OrderedDict
from collections.abc import Sequence


class PrefixCache:
    """Room for `most_blocks` blocks."""

    def __init__(self, most_blocks: int) -> None:
        self._most_blocks = most_blocks
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def count(self, blocks: Sequence[int]) -> int:
        """How many of the leading blocks are there."""
        return next((place for place, block in enumerate(blocks) if block not in self._blocks), len(blocks))

    def use(self, blocks: Sequence[int]) -> int:
        """The same for a prompt that is computed now: these blocks are wanted longer."""
        count = self.count(blocks)
        for block in blocks[:count]:
            self._blocks.move_to_end(block)
        return count

    def add(self, blocks: Sequence[int]) -> None:
        """Keep the blocks of a prompt that was computed. Its end goes before its beginning."""
        known = self._blocks
        for block in reversed(blocks):
            known[block] = None
            known.move_to_end(block)
        while len(known) > self._most_blocks:
            known.popitem(last=False)

    def clear(self) -> None:
        """Forget everything, as a restart does."""
        self._blocks.clear()
