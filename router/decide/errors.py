"""What can go wrong while deciding. Nothing of it reaches a caller: the pipeline has a safe default.

    DecideError
    ├── Unusable     an answer of the classifier that is no decision: told to it once, then given up
    │   └── Sending  it wants to send mail: told to it once, then refused to the user
    └── Undecided    the classifier did not decide: unavailable, timeout, nonsense

Rules of this file
- Reasons are for logs, `/decisions` and the classifier's second try; they carry no text of the user.
"""

from enum import StrEnum


class DecideError(Exception):
    """Never raised itself."""


class Unusable(DecideError):
    """An answer that is no decision; `reason` says to its author what is wrong with it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Sending(Unusable):
    """It wants mail to be sent, which is impossible."""


class UndecidedReason(StrEnum):
    """Why the classifier did not decide."""

    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    NONSENSE = "nonsense"


class Undecided(DecideError):
    """The classifier did not decide. `detail` is for the log."""

    def __init__(self, reason: UndecidedReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
