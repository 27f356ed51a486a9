"""How a message is called when it is shown, and found again.

Rules of this file
- Pure. A name is a message's number in its folder and a check over the account, the folder and the validity of its
  numbers: it leads back to the same message or nowhere, also when folders are added, another account is configured, or
  the server numbers its messages anew.
"""

import base64
import hashlib
import re
from dataclasses import dataclass

CHECK_LETTERS = 8
"""40 bits: by chance one in a trillion leads elsewhere. Short enough to be typed."""
_NAME = re.compile(rf"([1-9][0-9]{{0,9}})-([a-z2-7]{{{CHECK_LETTERS}}})")


@dataclass(frozen=True, slots=True)
class Name:
    """A name, taken apart."""

    number: int
    check: str


def check_of(account: str, folder: str, validity: int) -> str:
    """The second half of the names in a folder."""
    digest = hashlib.sha256("\0".join((account, folder, str(validity))).encode()).digest()
    return base64.b32encode(digest)[:CHECK_LETTERS].decode("ascii").lower()


def name_of(number: int, check: str) -> str:
    """What a message is called."""
    return f"{number}-{check}"


def parse(text: str) -> Name | None:
    """The name in a text; None where it is none."""
    found = _NAME.fullmatch(text.strip().lower())
    return Name(int(found[1]), found[2]) if found else None
