"""What can go wrong with an artefact.

Rules of this file
- One error: an artefact is used whole or not at all.
"""

from router.decide.errors import DecideError


class BrokenArtefact(DecideError):
    """The bytes are no artefact of this version; `reason` says what is wrong with them."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the intent model cannot be used: {reason}")
        self.reason = reason
