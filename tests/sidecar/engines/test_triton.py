import pytest

from sidecar.engines import Answer, Ask, Liveness, Model, Reading, Unreadable
from sidecar.engines.triton import ENGINE
from tests.sidecar.engines.recordings import Recording


@pytest.mark.parametrize(
    ("state", "reading"),
    [
        ("idle", Reading(0, 0, 0.0, slots=512)),
        ("busy", Reading(8, 3, 0.4281, slots=512)),
        ("another-backend", Reading(waiting=4)),
        ("loading", Reading()),
    ],
)
def test_load_is_read_as_far_as_its_backend_tells_it(state: str, reading: Reading) -> None:
    recording = Recording(f"triton-2.58.0/{state}")
    assert recording.reading("triton") == reading


def test_metrics_are_on_a_port_of_their_own() -> None:
    assert ENGINE.asks() == (Ask("/metrics", port=8002),)


def test_each_model_is_listed_once_with_the_best_of_its_versions() -> None:
    models = Recording("triton-2.58.0/another-backend").models("triton")
    assert models == (Model("llama-python", loaded=True), Model("mixtral", loaded=False))
    assert Recording("triton-2.58.0/loading").models("triton") == (Model("ensemble", loaded=False, loading=True),)


@pytest.mark.parametrize("body", [b"{}", b"[{}]", b"[1]", b'[{"name": ""}]'])
def test_what_is_no_index_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="index of a repository"):
        ENGINE.read_models((Answer(200, body),))


def test_not_ready_yet_is_loading_and_a_refusal_is_not() -> None:
    assert ENGINE.read_liveness(Answer(400, b"")) is Liveness.LOADING
    assert ENGINE.read_liveness(Answer(400, b'{"error": "bad request"}')) is Liveness.BAD_STATUS
    assert ENGINE.read_liveness(Answer(200, b'{"ready": true}')) is Liveness.BAD_BODY
