"""The beginning of a prompt as hashes of its blocks, so that requests that begin alike can go where that is cached.

Rules of this file
- Pure. Only hashes leave this file: nobody can read a prompt from them. Equal beginnings give equal hashes, in another
  process too.
- A block is so many bytes of UTF-8 as are about `BLOCK_TOKENS` tokens. Its hash covers all blocks before it.
"""

from collections.abc import Iterable
from hashlib import blake2b

from sidecar import BLOCK_TOKENS

BYTES_PER_TOKEN = 3
BLOCK_BYTES = BLOCK_TOKENS * BYTES_PER_TOKEN
MOST_BLOCKS = 64
"""Beyond 16,000 tokens of common beginning it does not matter any more where the rest is."""


def blocks_of(texts: Iterable[str]) -> tuple[int, ...]:
    """Hashes of the whole blocks that these texts begin with, one after another."""
    blocks: list[int] = []
    hashed = b""
    pending = b""
    for text in texts:
        # A text ends with a zero byte, which no prompt has: "a", "b" is not "ab".
        pending += text[: MOST_BLOCKS * BLOCK_BYTES].encode(errors="replace") + b"\0"
        while len(pending) >= BLOCK_BYTES and len(blocks) < MOST_BLOCKS:
            hashed = blake2b(hashed + pending[:BLOCK_BYTES], digest_size=7).digest()
            blocks.append(int.from_bytes(hashed))
            pending = pending[BLOCK_BYTES:]
        if len(blocks) == MOST_BLOCKS:
            break
    return tuple(blocks)
