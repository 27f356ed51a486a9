import pytest

from sidecar.engines import Answer, Liveness, Reading
from sidecar.engines.lmdeploy import ENGINE
from tests.sidecar.engines.recordings import Recording


@pytest.mark.parametrize(
    ("state", "reading"),
    [("idle", Reading(0, 0, 0.0)), ("busy", Reading(5, 5, 0.375)), ("without-metrics", Reading())],
)
def test_whoever_waits_at_the_door_waits_too(state: str, reading: Reading) -> None:
    assert Recording(f"lmdeploy-0.11.0/{state}").reading("lmdeploy") == reading


@pytest.mark.parametrize(
    ("answer", "liveness"),
    [
        (Answer(200, b""), Liveness.OK),
        (Answer(200, b'{"status": "healthy"}'), Liveness.OK),
        (Answer(200, b'{"status": "sleeping"}'), Liveness.SUSPENDED),
        (Answer(200, b"well"), Liveness.BAD_BODY),
        (Answer(503, b'{"status": "unhealthy"}'), Liveness.BAD_STATUS),
    ],
)
def test_health_may_say_that_it_sleeps(answer: Answer, liveness: Liveness) -> None:
    assert ENGINE.read_liveness(answer) is liveness
