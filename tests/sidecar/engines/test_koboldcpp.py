import pytest

from sidecar.engines import Answer, Liveness, Model, Reading, Unreadable
from sidecar.engines.koboldcpp import ENGINE
from tests.sidecar.engines.recordings import Recording


def test_whether_it_works_and_how_many_wait_are_read() -> None:
    assert Recording("koboldcpp-1.103/idle").reading("koboldcpp") == Reading(0, 0, slots=1, total_requests=7)
    assert Recording("koboldcpp-1.103/busy").reading("koboldcpp") == Reading(1, 2, slots=1, total_requests=8)


def test_its_one_model_is_in_memory() -> None:
    model = Model("koboldcpp/Qwen3-8B-Q4_K_M", parameters=8e9, loaded=True)
    assert Recording("koboldcpp-1.103/idle").models("koboldcpp") == (model,)


@pytest.mark.parametrize("name", [b"inactive", b"ReadOnly"])
def test_without_a_model_that_writes_text_it_has_none(name: bytes) -> None:
    assert ENGINE.read_models((Answer(200, b'{"result": "' + name + b'"}'),)) == ()


@pytest.mark.parametrize("body", [b"{}", b'{"idle": 1}', b'{"idle": true, "queue": 0}', b'{"idle": 7, "queue": 0}'])
def test_another_shape_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="idle and queue"):
        ENGINE.read_stats((Answer(200, body),))


@pytest.mark.parametrize("body", [b"{}", b'{"result": ""}', b"KoboldCpp"])
def test_a_version_has_to_be_told(body: bytes) -> None:
    assert ENGINE.read_liveness(Answer(200, body)) is Liveness.BAD_BODY
