import pytest

from sidecar.engines import Answer, Liveness, Model, ModelKind, Unreadable
from sidecar.engines.openai import ENGINE
from tests.sidecar.engines.recordings import Recording


def test_models_come_in_the_servers_order_with_what_their_names_tell() -> None:
    assert Recording("lmstudio-0.3.14/idle").models("openai") == (
        Model("qwen2.5-7b-instruct-1m", ModelKind.CHAT, 7e9),
        Model("text-embedding-nomic-embed-text-v1.5", ModelKind.EMBEDDING),
    )


@pytest.mark.parametrize("data", [b"[]", b"null"])
def test_a_server_without_models_is_well(data: bytes) -> None:
    answer = Answer(200, b'{"object": "list", "data": ' + data + b"}")
    assert ENGINE.read_liveness(answer) is Liveness.OK
    assert ENGINE.read_models((answer,)) == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty body"),
        (b" \n", "empty body"),
        (b"Not Found", "no JSON: 'Not Found'"),
        (b'{"error":"Unexpected endpoint or method. (GET /v1/models)"}', "no list of models"),
        (b'{"data":[{"id":"golf"}]}', "no list of models"),
        (b'{"object":"list"}', "no list of models"),
        (b'{"object":"list","data":{}}', "no list of models"),
        (b'{"object":"list","data":[{"id":""}]}', "no id"),
        (b'{"object":"list","data":[{"id":7}]}', "no id"),
        (b'{"object":"list","data":["a"]}', "no id"),
        (b"[]", "no list of models"),
    ],
)
def test_what_is_no_list_of_models_is_a_bad_body_and_says_what_it_is(body: bytes, message: str) -> None:
    assert ENGINE.read_liveness(Answer(200, body)) is Liveness.BAD_BODY
    with pytest.raises(Unreadable, match=message):
        ENGINE.read_models((Answer(200, body),))


def test_a_server_that_says_that_it_loads_is_loading() -> None:
    answer = Answer(503, b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}')
    assert ENGINE.read_liveness(answer) is Liveness.LOADING
    assert ENGINE.read_liveness(Answer(500, answer.body)) is Liveness.BAD_STATUS


def test_such_a_server_says_nothing_of_its_load() -> None:
    assert ENGINE.asks() == ()
    assert ENGINE.assumed_slots is None
