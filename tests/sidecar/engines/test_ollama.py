import orjson
import pytest

from sidecar.engines import Answer, Liveness, Model, ModelKind, Unreadable
from sidecar.engines.ollama import ENGINE
from tests.sidecar.engines.recordings import Recording

GEMMA = Model(
    "gemma3:latest",
    ModelKind.CHAT,
    4.3e9,
    3338801804,
    loaded=True,
    memory_bytes=6591830464,
    accelerator_bytes=5333539264,
    context_tokens=4096,
    expires_in_seconds=180.93355,
)
NOMIC = Model("nomic-embed-text:latest", ModelKind.EMBEDDING, 137e6, 274302450, loaded=False)
QWEN = Model("qwen3:30b-a3b", ModelKind.CHAT, 30.5e9, 18556699314, loaded=False)


def test_installed_models_come_with_their_size_their_kind_and_whether_they_are_in_memory() -> None:
    assert Recording("ollama-0.12.6/one-loaded").models("ollama") == (GEMMA, NOMIC, QWEN)


def test_nothing_in_memory_is_known_as_such() -> None:
    assert [model.loaded for model in Recording("ollama-0.12.6/idle").models("ollama")] == [False] * 3


NOW = "Fri, 17 Oct 2025 23:44:07 GMT"


@pytest.mark.parametrize(
    ("expires_at", "date", "seconds"),
    [
        ("2025-10-17T23:49:07Z", NOW, 300.0),
        ("2025-10-18T08:49:07.123456789+09:00", NOW, 300.123456),
        ("2025-10-17T23:44:06Z", NOW, 0.0),
        ("2318-01-29T01:51:42.8Z", NOW, pytest.approx(9.2e9, rel=0.01)),
        ("2025-10-17T23:49:07", NOW, None),
        ("soon", NOW, None),
        (7, NOW, None),
        (None, NOW, None),
        ("2025-10-17T23:49:07Z", "yesterday", None),
        ("2025-10-17T23:49:07Z", None, None),
    ],
)
def test_how_long_a_model_stays_is_told_by_the_servers_own_clock(
    expires_at: object, date: str | None, seconds: float | None
) -> None:
    tags = Answer(200, b'{"models": [{"name": "gemma3"}]}')
    body = orjson.dumps({"models": [{"name": "gemma3", "expires_at": expires_at}]})
    (model,) = ENGINE.read_models((tags, Answer(200, body, {} if date is None else {"date": date})))
    assert model.loaded is True
    assert model.expires_in_seconds == seconds


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
