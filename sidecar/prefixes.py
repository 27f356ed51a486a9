"""Which beginnings of prompts a candidate has computed lately, and so may have in its cache.

Rules of this file
- Only hashes, never text. Bounded: the oldest are forgotten first, as caches do.
- It says what may be there, not what is: whether a server keeps its cache is measured by its first tokens
  (`sidecar.predict`).
"""

from collections import OrderedDict

BLOCK_TOKENS = 256
"""Of a prompt, behind one hash."""
MOST_BLOCKS = 2048
"""Half a million tokens: about what the cache of a large accelerator holds."""


class Prefixes:
    """Blocks of one candidate. A block's hash covers all before it, so equal hashes mean equal beginnings."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def cached_tokens(self, blocks: tuple[int, ...]) -> int:
        """Tokens of the longest known beginning."""
        known = 0
        for block in blocks:
            if block not in self._blocks:
                break
            known += 1
        return known * BLOCK_TOKENS

    def note(self, blocks: tuple[int, ...]) -> None:
        """A prompt with these blocks is computed."""
        # The first block is the one that most prompts share: it is to be forgotten last.
        for block in reversed(blocks):
            self._blocks[block] = None
            self._blocks.move_to_end(block)
        while len(self._blocks) > MOST_BLOCKS:
            self._blocks.popitem(last=False)
