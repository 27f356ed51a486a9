import pytest

from sidecar.engines import Answer, Liveness, Model, ModelKind, Unreadable
from sidecar.engines.ollama import ENGINE
from tests.sidecar.engines.recordings import Recording

GEMMA = Model("gemma3:latest", ModelKind.CHAT, 4.3e9, 3338801804, loaded=True)
NOMIC = Model("nomic-embed-text:latest", ModelKind.EMBEDDING, 137e6, 274302450, loaded=False)
QWEN = Model("qwen3:30b-a3b", ModelKind.CHAT, 30.5e9, 18556699314, loaded=False)


def test_installed_models_come_with_their_size_their_kind_and_whether_they_are_in_memory() -> None:
    assert Recording("ollama-0.12.6/one-loaded").models("ollama") == (GEMMA, NOMIC, QWEN)


def test_nothing_in_memory_is_known_as_such() -> None:
    assert [model.loaded for model in Recording("ollama-0.12.6/idle").models("ollama")] == [False] * 3


def test_nothing_installed_is_no_models() -> None:
    assert Recording("ollama-0.12.6/nothing-installed").models("ollama") == ()


def test_whether_a_model_is_in_memory_is_unknown_without_that_answer() -> None:
    recording = Recording("ollama-0.12.6/one-loaded")
    installed, _ = recording.answers(ENGINE.models)
    assert [model.loaded for model in ENGINE.read_models((installed, None))] == [None] * 3


def test_a_size_that_the_server_does_not_tell_is_read_from_the_name() -> None:
    tags = Answer(200, b'{"models": [{"name": "llama3.2:1b", "details": null}, {"name": "phi", "size": "big"}]}')
    models = ENGINE.read_models((tags, Answer(200, b'{"models": null}')))
    assert models == (Model("llama3.2:1b", parameters=1e9, loaded=False), Model("phi", loaded=False))


def test_a_model_whose_family_makes_vectors_does_so_whatever_its_name() -> None:
    tags = Answer(200, b'{"models": [{"name": "minerva", "details": {"family": "nomic-bert"}}]}')
    assert ENGINE.read_models((tags, None)) == (Model("minerva", ModelKind.EMBEDDING),)


@pytest.mark.parametrize("body", [b"{}", b'{"models": {}}', b'{"models": [{}]}', b'{"models": [{"name": 1}]}'])
def test_an_answer_of_another_shape_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="models"):
        ENGINE.read_models((Answer(200, body), None))


@pytest.mark.parametrize("body", [b"Ollama is running", b"{}", b'{"version": ""}', b'{"version": 1}', b""])
def test_a_version_has_to_be_told(body: bytes) -> None:
    assert ENGINE.read_liveness(Answer(200, body)) is Liveness.BAD_BODY


def test_one_request_at_a_time_is_assumed() -> None:
    assert ENGINE.assumed_slots == 1
