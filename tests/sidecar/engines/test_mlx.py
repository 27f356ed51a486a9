from sidecar.engines import Answer, Liveness, Model, Reading, StructuredOutput
from sidecar.engines.mlx import ENGINE
from tests.sidecar.engines.recordings import Recording


def test_the_model_that_it_was_started_with_is_listed() -> None:
    assert Recording("mlx-0.32.2/idle").models("mlx") == (Model("/models/tiny"),)


def test_an_empty_body_is_the_model_that_it_was_started_with() -> None:
    assert Recording("mlx-0.32.2/no-cache-folder").models("mlx") == (Model("default_model", loaded=True),)


def test_the_model_that_it_was_started_with_comes_before_those_that_it_would_have_to_load() -> None:
    body = b'{"object": "list", "data": [{"id": "org/Qwen3-8B-4bit"}, {"id": "org/a"}, {"id": "/m/gemma-3-4b"}]}'
    models = ENGINE.read_models((Answer(200, body),))
    assert [model.name for model in models] == ["/m/gemma-3-4b", "org/Qwen3-8B-4bit", "org/a"]
    assert [model.parameters for model in models] == [4e9, 8e9, None]


def test_it_says_nothing_of_its_load_even_when_busy() -> None:
    assert ENGINE.asks() == ()
    assert Recording("mlx-0.32.2/busy").reading("mlx") == Reading()


def test_a_server_whose_generator_has_died_says_503() -> None:
    assert ENGINE.read_liveness(Answer(503, b'{"status": "unavailable"}')) is Liveness.BAD_STATUS


def test_it_cannot_be_asked_for_json() -> None:
    assert ENGINE.structured_output is StructuredOutput.NONE
