import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.engines import ENGINES, Answer
from sidecar.engines.detect import QUESTIONS, USUAL_PORTS, Identity, identify
from tests.sidecar.engines.recordings import Recording, names
from tests.sidecar.engines.test_engines import DEEP, MAYBE

LLAMACPP = Identity("llamacpp", "b11434-unknown", "llama.cpp")
MLX = Identity("mlx", None, "MLX LM")
OLLAMA = Identity("ollama", "0.12.6", "Ollama")

IDENTITIES = {
    "llamacpp-b11434/loading": Identity("llamacpp", None, "llama.cpp"),
    "llamacpp": LLAMACPP,
    "mlx": MLX,
    "ollama": OLLAMA,
    "lmstudio": Identity("openai", None, "LM Studio"),
    "sglang": Identity("openai", None, "SGLang"),
    "llamacpppython": Identity("openai", None, "OpenAI-compatible"),
    "maek": Identity("status", None, "Maek"),
    "vllm": Identity("vllm", "0.32.0", "vLLM"),
    "not": None,
}


@pytest.mark.parametrize("name", names())
def test_every_recorded_server_is_recognised_and_nothing_else_is(name: str) -> None:
    expected = IDENTITIES[name] if name in IDENTITIES else IDENTITIES[name.partition("-")[0]]
    assert Recording(name).identity() == expected


def changed(name: str, **instead: Answer | None) -> tuple[Answer | None, ...]:
    """A recording's answers with others in place of some, named by their path without slashes."""
    recording = Recording(name)
    paths = [question.path.replace("/", "") for question in QUESTIONS]
    return tuple(
        instead[path] if path in instead else recording.answer(question)
        for path, question in zip(paths, QUESTIONS, strict=True)
    )


def test_a_server_that_lists_models_and_nothing_more_is_openai_compatible() -> None:
    listing = Answer(200, b'{"object": "list", "data": [{"id": "a", "object": "model", "owned_by": "me"}]}')
    answers = (listing, *[None] * (len(QUESTIONS) - 1))
    assert identify(answers) == Identity("openai", None, "OpenAI-compatible")


def test_ollamas_api_from_another_server_is_not_ollama() -> None:
    answers = changed("ollama-0.12.6/idle", **{"": Answer(200, b"KoboldCpp is running")})
    assert identify(answers) == Identity("openai", None, "OpenAI-compatible")


def test_a_status_with_one_count_only_is_somebody_elses() -> None:
    answers = changed("sglang-0.5.3/idle", status=Answer(200, b'{"active_jobs": 1}'))
    assert identify(answers) == Identity("openai", None, "SGLang")


def test_any_openai_compatible_server_with_a_status_is_asked_for_it() -> None:
    answers = changed("mlx-0.32.2/idle", status=Answer(200, b'{"active_jobs": 0, "total_requests": 0}'))
    assert identify(answers) == Identity("status", None, "OpenAI-compatible with /status")


def test_vllm_with_a_key_that_we_lack_is_still_recognised() -> None:
    refusal = Answer(401, b'{"error": "Unauthorized"}')
    assert identify(changed("vllm-0.32.0/idle", v1models=refusal)) == IDENTITIES["vllm"]


def test_a_router_that_passes_vllms_models_on_is_not_vllm() -> None:
    answers = changed("vllm-0.32.0/idle", version=Answer(404, b"{}"))
    assert identify(answers) == Identity("openai", None, "OpenAI-compatible")


def test_llama_cpp_behind_a_proxy_that_names_itself_is_recognised_by_its_models() -> None:
    recording = Recording("llamacpp-b11434/idle")
    answers = [recording.answer(question) for question in QUESTIONS]
    hidden = tuple(answer and Answer(answer.status, answer.body, {"server": "nginx"}) for answer in answers)
    assert identify(hidden) == LLAMACPP


@pytest.mark.parametrize(
    ("root", "server"),
    [
        (Answer(404, b"Not Found", {"content-type": "application/json"}), "uvicorn"),
        (Answer(404, b"Not Found", {"content-type": "text/plain"}), "BaseHTTP/0.6"),
        (Answer(404, b"{}", {"content-type": "application/json"}), "BaseHTTP/0.6"),
        (Answer(200, b"Not Found", {"content-type": "application/json"}), "BaseHTTP/0.6"),
        (None, "BaseHTTP/0.6"),
    ],
)
def test_what_only_resembles_mlx_is_asked_as_openai_compatible(root: Answer | None, server: str) -> None:
    listing = Answer(200, b'{"object": "list", "data": [{"id": "a"}]}', {"server": server})
    assert identify(changed("mlx-0.32.2/idle", **{"v1models": listing, "": root})) == IDENTITIES["llamacpppython"]


def test_a_python_server_whose_models_have_an_owner_or_that_refuses_us_is_not_mlx() -> None:
    python = {"server": "BaseHTTP/0.6"}
    owned = Answer(200, b'{"object": "list", "data": [{"id": "a", "owned_by": "me"}]}', python)
    assert identify(changed("mlx-0.32.2/idle", v1models=owned)) == IDENTITIES["llamacpppython"]
    assert identify(changed("mlx-0.32.2/idle", v1models=Answer(401, b"", python))) is None


@given(st.tuples(*[MAYBE] * len(QUESTIONS)))
@example((Answer(200, DEEP),) * len(QUESTIONS))
def test_whatever_answers_is_an_engine_that_there_is_or_none(answers: tuple[Answer | None, ...]) -> None:
    identity = identify(answers)
    assert identity is None or (identity.engine in ENGINES and identity.product)


@given(st.sampled_from([200, 301, 404, 500]), st.binary(max_size=60), st.booleans())
@example(200, b'{"object": "list"}', False)
@example(200, b'{"status": "ok", "version": "1"}', True)
def test_a_server_that_answers_everything_alike_is_no_engine(status: int, body: bytes, python: bool) -> None:
    same = Answer(status, body, {"server": "BaseHTTP/0.6"} if python else {})
    assert identify((same,) * len(QUESTIONS)) is None


def test_the_usual_ports_are_named_once_each() -> None:
    assert USUAL_PORTS == (11434, 1234, 8000, 8080, 30000)
