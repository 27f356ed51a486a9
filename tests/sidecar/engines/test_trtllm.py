import pytest

from sidecar.engines import Answer, Model, Reading, Unreadable
from sidecar.engines.trtllm import ENGINE
from tests.sidecar.engines.recordings import Recording


@pytest.mark.parametrize(
    ("state", "reading"),
    [("idle", Reading(0, 0, 0.0)), ("busy", Reading(2, 1, 0.125)), ("without-metrics", Reading())],
)
def test_load_is_read_where_it_is_switched_on(state: str, reading: Reading) -> None:
    recording = Recording(f"trtllm-1.2.0/{state}")
    assert recording.stats_asked("trtllm") == ("/prometheus/metrics",)
    assert recording.reading("trtllm") == reading


def test_iterations_as_json_are_not_taken_for_metrics() -> None:
    with pytest.raises(Unreadable, match="no Prometheus text"):
        ENGINE.read_stats((Answer(200, b'[{"iter":1,"numActiveRequests":2}]'),))


def test_what_it_lists_is_loaded() -> None:
    (model,) = Recording("trtllm-1.2.0/idle").models("trtllm")
    assert model == Model("TinyLlama/TinyLlama-1.1B-Chat-v1.0", parameters=1.1e9, loaded=True)
