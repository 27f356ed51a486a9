import pytest

from sidecar.engines import Answer, Reading, Unreadable
from sidecar.engines.status import fronted, read_status
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


def test_a_sidecar_says_whom_it_stands_before() -> None:
    told = b'{"active_jobs": 1, "total_requests": 2, "backend": {"name": "x", "url": "http://mini:11434"}}'
    assert fronted(Answer(200, told)) == "http://mini:11434"
    assert read_status(Answer(200, told)) == Reading(running=1, total_requests=2)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"backend": "x"}', b'{"backend": {}}', b'{"backend": {"url": 1}}', b'{"backend": null}'],
)
def test_anybody_else_stands_before_nobody(body: bytes) -> None:
    assert fronted(Answer(200, body)) is None
    assert fronted(Answer(404, b'{"backend": {"url": "http://mini"}}')) is None
    assert fronted(None) is None
