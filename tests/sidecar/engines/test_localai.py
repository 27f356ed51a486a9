import pytest

from sidecar.engines import Answer, Model, ModelKind, Reading
from sidecar.engines.localai import ENGINE
from tests.sidecar.engines.recordings import Recording

LLAMA = "llama-3.2-1b-instruct:q4_k_m"


@pytest.mark.parametrize(("state", "loaded"), [("idle", False), ("one-running", True)])
def test_models_come_with_whether_they_run(state: str, loaded: bool) -> None:
    chat, vectors = Recording(f"localai-3.8.0/{state}").models("localai")
    assert chat == Model(LLAMA, parameters=1e9, loaded=loaded)
    assert (vectors.kind, vectors.loaded) == (ModelKind.EMBEDDING, False)


@pytest.mark.parametrize("system", [None, Answer(404, b"{}"), Answer(401, b"{}"), Answer(200, b"<html>")])
def test_without_that_answer_it_is_unknown_whether_they_run(system: Answer | None) -> None:
    listed, _ = Recording("localai-3.8.0/idle").answers(ENGINE.models)
    assert [model.loaded for model in ENGINE.read_models((listed, system))] == [None, None]


@pytest.mark.parametrize("body", [b"{}", b'{"loaded_models": null}', b'{"loaded_models": [1, {"id": 2}]}'])
def test_none_that_is_said_to_run_does_not(body: bytes) -> None:
    listed, _ = Recording("localai-3.8.0/idle").answers(ENGINE.models)
    assert [model.loaded for model in ENGINE.read_models((listed, Answer(200, body)))] == [False, False]


def test_it_says_nothing_of_its_load() -> None:
    assert ENGINE.asks() == ()
    assert Recording("localai-3.8.0/one-running").reading("localai") == Reading()
