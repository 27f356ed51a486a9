import pytest

from sidecar.engines import Answer, Reading, Unreadable
from sidecar.engines.status import read_status
from tests.sidecar.engines.recordings import Recording


def test_the_two_counts_are_read() -> None:
    reading = Recording("maek-0.1.0/idle").reading("status")
    assert reading == Reading(running=2, total_requests=41)
    assert reading.active_jobs == 2


def test_a_total_may_be_missing() -> None:
    assert read_status(Answer(200, b'{"active_jobs": 0}')) == Reading(running=0)


@pytest.mark.parametrize("active", [b"-1", b"true", b'"2"', b"1.5", b"null", b"1e30"])
def test_what_is_no_count_is_unreadable_and_not_idle(active: bytes) -> None:
    with pytest.raises(Unreadable, match="no active_jobs"):
        read_status(Answer(200, b'{"active_jobs": ' + active + b', "total_requests": 1}'))
