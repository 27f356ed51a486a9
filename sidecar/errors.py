"""Everything that can go wrong for whoever starts a sidecar, drawn once.

    SidecarError
    ├── ConfigInvalid        the configuration cannot be used; carries every problem in it
    ├── SecretUnusable       what an `env:` or `file:` reference names is missing, empty or not one line
    └── TraceInvalid         a flight recording cannot be read; names the line and what was wanted

Rules of this file
- A message tells the operator what to do. None carries a secret.
- What happens to a backend is no error but a fact (`sidecar.facts`).
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration file, said in one line."""

    file: str
    line: int | None
    """From 1; None where the file itself is at fault."""
    key: str
    """`sidecar.backends[0].slots`; empty where no key is to blame."""
    found: str
    wanted: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        subject = f"{self.key}: " if self.key else ""
        return f"{place}: {subject}found {self.found}; wanted {self.wanted}"


class SidecarError(Exception):
    """Never raised itself."""


class ConfigInvalid(SidecarError):
    """The configuration cannot be used. `problems` is never empty and in the order of the lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line or 0, problem.key)))
        super().__init__("\n".join(map(str, self.problems)))


class SecretUnusable(SidecarError):
    """A reference to a secret leads nowhere; `found` and `wanted` say so without the secret."""

    def __init__(self, reference: str, found: str, wanted: str) -> None:
        super().__init__(f"{reference}: found {found}; wanted {wanted}")
        self.reference = reference
        self.found = found
        self.wanted = wanted


class TraceInvalid(SidecarError):
    """A flight recording cannot be read. Its text names the line, what was found and what was wanted."""
