import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.engines.engine import ModelKind
from sidecar.engines.names import kind_of, parameters_of


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("qwen3:30b-a3b", 30e9),
        ("Qwen3-235B-A22B", 235e9),
        ("Llama-3.2-1B-Instruct", 1e9),
        ("gemma-3-270m", 270e6),
        ("sim-large-32b", 32e9),
        ("llama3.1:8b-instruct-q4_0", 8e9),
        ("qwen2.5:0.5b", 0.5e9),
        ("Qwen2.5-Coder-32B-Instruct-4bit", 32e9),
        ("qwen2.5-7b-instruct-1m", 7e9),
        ("mixtral:8x7b", 56e9),
        ("gemma3n:e4b", 4e9),
        ("Kimi-K2-1T", 1e12),
        ("4.3B", 4.3e9),
        ("/home/me/models/Qwen3-8B-4bit/", 8e9),
        ("C:\\models\\phi-14b.gguf", 14e9),
        ("/cache/models--org--Qwen3-8B/snapshots/1b2c3b4", 8e9),
        ("/models/70b/llama-8b.gguf", 8e9),
        ("phi-4", None),
        ("gpt-4o", None),
        ("model-4bit", None),
        ("deepseek-r1:latest", None),
        ("a3b", None),
        ("0b", None),
        ("", None),
    ],
)
def test_the_size_in_a_name_is_read(name: str, parameters: float | None) -> None:
    assert parameters_of(name) == parameters


@given(st.integers(1, 999), st.sampled_from(["b", "B"]), st.sampled_from(["-", ":", "_", "/", " "]))
def test_a_whole_number_of_billions_is_read_wherever_it_stands(number: int, letter: str, mark: str) -> None:
    size = f"{number}{letter}"
    for name in (size, f"model{mark}{size}", f"{size}{mark}instruct", f"model{mark}{size}{mark}chat"):
        assert parameters_of(name) == number * 1e9


@given(st.text())
def test_any_text_has_a_size_above_nothing_or_none(name: str) -> None:
    parameters = parameters_of(name)
    assert parameters is None or parameters > 0
    assert kind_of(name) in ModelKind


@pytest.mark.parametrize(
    "name",
    [
        "nomic-embed-text:latest",
        "text-embedding-nomic-embed-text-v1.5",
        "bge-m3",
        "BAAI/bge-large-en-v1.5",
        "intfloat/multilingual-e5-large",
        "mxbai-embed-large",
        "snowflake-arctic-embed:33m",
        "Qwen3-Embedding-0.6B",
        "all-MiniLM-L6-v2",
        "thenlper/gte-base",
        "bge-reranker-v2-m3",
    ],
)
def test_a_model_that_makes_vectors_is_known_by_its_name(name: str) -> None:
    assert kind_of(name) is ModelKind.EMBEDDING


def test_a_model_that_makes_vectors_is_known_by_its_family() -> None:
    assert kind_of("minerva", "nomic-bert") is ModelKind.EMBEDDING


@pytest.mark.parametrize("name", ["gemma3:4b", "phi-3.5", "Llama-3.2-1B", "exaone-3.5", "e54", "gteam-7b"])
def test_other_models_chat(name: str) -> None:
    assert kind_of(name) is ModelKind.CHAT
