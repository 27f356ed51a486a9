import orjson
import pytest

from sidecar.engines import Answer, Liveness, Model, ModelKind, Reading, Unreadable
from sidecar.engines.lmstudio import ENGINE
from tests.sidecar.engines.recordings import Recording

QWEN = Model("qwen/qwen3-4b-2507", ModelKind.CHAT, 4e9, 2278855392, loaded=True, context_tokens=8192)
GPT_OSS = Model("openai/gpt-oss-20b", ModelKind.CHAT, 20e9, 12109565632, loaded=False)
NOMIC = Model(
    "text-embedding-nomic-embed-text-v1.5", ModelKind.EMBEDDING, None, 274290560, loaded=True, context_tokens=2048
)


def test_models_come_with_their_size_and_whether_they_are_in_memory() -> None:
    assert Recording("lmstudio-0.4.2/two-loaded").models("lmstudio") == (QWEN, GPT_OSS, NOMIC)


def test_nothing_in_memory_is_known_as_such() -> None:
    models = Recording("lmstudio-0.4.2/idle").models("lmstudio")
    assert [(model.loaded, model.context_tokens) for model in models] == [(False, None)] * 3


def test_before_0_4_its_older_list_says_what_is_in_memory() -> None:
    assert Recording("lmstudio-0.3.14/idle").models("lmstudio") == (
        Model("qwen2.5-7b-instruct-1m", parameters=7e9, loaded=True, context_tokens=4096),
        Model("text-embedding-nomic-embed-text-v1.5", ModelKind.EMBEDDING, loaded=False),
    )
    assert Recording("lmstudio-0.3.14/nothing-installed").models("lmstudio") == ()


def test_a_model_on_its_way_into_memory_is_loading() -> None:
    rows = [{"id": "a", "state": "loading"}, {"id": "b"}]
    older = Answer(200, orjson.dumps({"object": "list", "data": rows}))
    models = ENGINE.read_models((Answer(404, b""), older, None))
    assert models == (Model("a", loaded=False, loading=True), Model("b"))


def test_without_either_list_nothing_is_known_of_memory() -> None:
    plain = Answer(200, b'{"object": "list", "data": [{"id": "a"}]}')
    unknown = Answer(200, b'{"error": "Unexpected endpoint or method. (GET /api/v1/models)"}')
    assert ENGINE.read_models((unknown, Answer(404, b""), plain)) == (Model("a"),)
    assert ENGINE.read_models((unknown, None, plain)) == (Model("a"),)


def test_it_says_how_many_requests_its_loaded_models_take_and_nothing_else() -> None:
    assert Recording("lmstudio-0.4.2/two-loaded").reading("lmstudio") == Reading(slots=4)
    assert Recording("lmstudio-0.4.2/idle").reading("lmstudio") == Reading()
    assert Recording("lmstudio-0.3.14/idle").reading("lmstudio") == Reading()


@pytest.mark.parametrize("instances", [None, [], ["a"], [{}], [{"config": 1}], [{"config": {"parallel": "4"}}]])
def test_instances_of_another_shape_tell_no_slots(instances: object) -> None:
    body = orjson.dumps({"models": [{"key": "a", "loaded_instances": instances}]})
    assert ENGINE.read_stats((Answer(200, body),)) == Reading()


@pytest.mark.parametrize("body", [b"{}", b'{"models": {}}', b'{"models": [{}]}', b'{"models": [{"key": 1}]}'])
def test_an_answer_of_another_shape_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="no list of models"):
        ENGINE.read_models((Answer(200, body), None, None))


def test_a_token_that_is_missing_is_told_as_such() -> None:
    recording = Recording("lmstudio-0.4.2/wants-a-token")
    (listed,) = recording.answers((ENGINE.liveness,))
    assert listed is not None
    assert ENGINE.read_liveness(listed) is Liveness.BAD_STATUS
    with pytest.raises(Unreadable, match="set api_key of this backend"):
        recording.models("lmstudio")
