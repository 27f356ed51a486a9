import pytest

from sidecar.engines import Answer, Liveness, Model, Reading, Unreadable
from sidecar.engines.tgi import ENGINE
from tests.sidecar.engines.recordings import Recording


@pytest.mark.parametrize(
    ("state", "reading"),
    [("idle", Reading(0, 0)), ("busy", Reading(6, 2)), ("before-the-first-request", Reading())],
)
def test_running_and_waiting_are_read(state: str, reading: Reading) -> None:
    assert Recording(f"tgi-3.3.5/{state}").reading("tgi") == reading


def test_its_one_model_is_in_memory() -> None:
    model = Model("meta-llama/Llama-3.1-8B-Instruct", parameters=8e9, loaded=True, context_tokens=4096)
    assert Recording("tgi-3.3.5/idle").models("tgi") == (model,)


@pytest.mark.parametrize("body", [b"{}", b'{"model_id": ""}', b'{"model_id": null}', b""])
def test_the_model_has_to_be_named(body: bytes) -> None:
    assert ENGINE.read_liveness(Answer(200, body)) is Liveness.BAD_BODY
    with pytest.raises(Unreadable):
        ENGINE.read_models((Answer(200, body),))
