"""API keys: made, hashed, compared. Pure but for the making.

Rules of this file
- Only hashes are configured and held; a key is shown once, by `maek key new`, and never again.
- A plain SHA-256 is enough. Slow hashes defend passwords, which can be guessed; a key is 256 random bits,
  which nobody tries through, and is checked at every request.
- Which key a caller has is said by its owner id, which is safe in logs and in names of sessions.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

# A fixed beginning lets secret scanners and people recognise a key that was pasted somewhere by mistake.
KEY_PREFIX = "maek_"
_KEY_BYTES = 32
_HASH_PREFIX = "sha256:"
_HASH = re.compile(rf"{_HASH_PREFIX}[0-9a-f]{{64}}")
# 48 bits: enough to tell apart the keys of one installation, too few to say anything about the key.
_OWNER_DIGITS = 12

ANONYMOUS = "anonymous"
"""The owner of everything while no keys are configured. Not hexadecimal, so no key can have it."""


def new_key() -> tuple[str, str]:
    """A fresh key, and the hash of it that goes into the configuration."""
    key = KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    return key, hash_of(key)


def hash_of(key: str) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    # aiohttp hands on header bytes that are not UTF-8 as lone surrogates; such a key is wrong, not an error.
    return _HASH_PREFIX + hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def owner_of_hash(digest: str) -> str:
    """Whose the key with this hash is, as `Keys` names owners."""
    return digest.removeprefix(_HASH_PREFIX)[:_OWNER_DIGITS]


class Keys:
    """The keys that are let in."""

    def __init__(self, hashes: Sequence[str]) -> None:
        """Raises ValueError for an entry that is not a hash, without repeating it: it may be a key."""
        for number, entry in enumerate(hashes):
            if _HASH.fullmatch(entry) is None:
                raise ValueError(
                    f"keys[{number}] is not a hash ({_HASH_PREFIX} and 64 hexadecimal digits). "
                    "`maek key new` makes a key and prints its hash."
                )
        self._hashes = tuple(entry.encode("ascii") for entry in hashes)

    def owner(self, authorization_header: str | None) -> str | None:
        """Whose request this is, by the header `Authorization: Bearer KEY`; None: it must be refused."""
        scheme, _, key = (authorization_header or "").partition(" ")
        return self.owner_of(key.strip() if scheme.lower() == "bearer" else None)

    def owner_of(self, key: str | None) -> str | None:
        """The same by the bare key, for dialects that carry it in a header of their own."""
        if not self._hashes:
            return ANONYMOUS
        if not key:
            return None
        presented = hash_of(key).encode("ascii")
        owner = None
        # Every hash is compared, and each in constant time: how long it takes says nothing about which one is
        # near.
        for known in self._hashes:
            if hmac.compare_digest(presented, known):
                owner = owner_of_hash(known.decode("ascii"))
        return owner
