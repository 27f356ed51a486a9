"""What an operator sets for the flight recorder."""

from typing import Annotated

from pydantic import AfterValidator, Field

from sidecar.config import Section, refused

LEAST_BYTES = 1_048_576
"""An eighth of it is a segment, which has to hold the settings of every backend and a choice among all of them."""
BYTES_WANTED = f"0, or at least {LEAST_BYTES}"


def _check_bytes(size: int) -> int:
    if 0 < size < LEAST_BYTES:
        raise refused(BYTES_WANTED)
    return size


class RecorderConfig(Section):
    """What happened and what was chosen, without any text, for `maek replay` and `maek explain`."""

    bytes: Annotated[
        int,
        Field(ge=0, le=1_099_511_627_776, json_schema_extra={"$comment": BYTES_WANTED}),
        AfterValidator(_check_bytes),
    ] = 67_108_864
    """How much of the data folder it may take; the oldest makes way for the newest. 0: nothing is recorded."""
