"""The loads, each a row of numbers.

Rules of this file
- A cell is what the client asks for; what is measured is the same in all of them.
- No cell lasts longer than some ten seconds, so that a whole round of all peers stays within minutes.
"""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What the CPU time is divided by."""

    REQUEST = "request"
    CHUNK = "chunk"


class Delay(StrEnum):
    """Which delay says most about a cell. The value is the client's name for it."""

    REQUEST = "request_us"
    """From sending the request to the last byte of the answer."""
    FIRST_CHUNK = "first_chunk_us"
    """From sending the request to the first token."""
    CHUNK = "chunk_us"
    """From the backend's writing of a token to its arrival at the client."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One load. `chunks` 0 asks for JSON answers. `seconds` 0 sends one request on each connection, begun
    over `ramp_seconds`."""

    about: str
    concurrency: int
    seconds: float
    unit: Unit
    delay: Delay
    chunks: int = 0
    gap_us: int = 0
    ramp_seconds: float = 0.0

    def client_arguments(self) -> list[str]:
        """In the order of the load client."""
        numbers = (self.concurrency, self.seconds, self.chunks, self.gap_us, self.ramp_seconds)
        return [str(number) for number in numbers]


CELLS: dict[str, Cell] = {
    "json-1": Cell("JSON answers, one after the other", 1, 2.0, Unit.REQUEST, Delay.REQUEST),
    "json-16": Cell("JSON answers, 16 at a time", 16, 3.0, Unit.REQUEST, Delay.REQUEST),
    "ttft": Cell("streams of one token, one after the other", 1, 2.0, Unit.REQUEST, Delay.FIRST_CHUNK, chunks=1),
    # Tokens arrive glued together: this shows the ceiling in tokens per second, not the cost of a lone token.
    "burst": Cell("16 streams of 200 tokens without a pause", 16, 3.0, Unit.CHUNK, Delay.REQUEST, chunks=200),
    # 800 tokens a second, which no peer here finds hard: what one lone token costs and how late it comes.
    "paced": Cell(
        "16 streams of 50 tokens, 20 ms apart",
        16,
        3.0,
        Unit.CHUNK,
        Delay.CHUNK,
        chunks=50,
        gap_us=20_000,
        ramp_seconds=0.3,
    ),
    # 5000 tokens a second, which a proxy in Python can still relay: memory and lateness with many streams
    # open.
    "slow": Cell(
        "1000 open streams of 40 tokens, 200 ms apart",
        1000,
        0.0,
        Unit.CHUNK,
        Delay.CHUNK,
        chunks=40,
        gap_us=200_000,
        ramp_seconds=2.0,
    ),
}
