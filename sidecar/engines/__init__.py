"""One file an engine: which questions to ask it, and how its answers read.

A new engine is a file beside these and a line in `ENGINES`; `sidecar.engines.detect` may then learn to tell it.
"""

from collections.abc import Mapping

from sidecar.engines import detect, llamacpp, mlx, ollama, openai, status, vllm
from sidecar.engines.engine import (
    Answer,
    Ask,
    Engine,
    Liveness,
    Model,
    ModelKind,
    Reading,
    StructuredOutput,
    Unreadable,
)

ENGINES: Mapping[str, Engine] = {
    "llamacpp": llamacpp.ENGINE,
    "mlx": mlx.ENGINE,
    "ollama": ollama.ENGINE,
    "openai": openai.ENGINE,
    "status": status.ENGINE,
    "vllm": vllm.ENGINE,
}

__all__ = [
    "ENGINES",
    "Answer",
    "Ask",
    "Engine",
    "Liveness",
    "Model",
    "ModelKind",
    "Reading",
    "StructuredOutput",
    "Unreadable",
    "detect",
]
