"""One file an engine: which questions to ask it, and how its answers read.

A new engine is a file beside these and a line in `ENGINES`; `sidecar.engines.detect` may then learn to tell it.
"""

from collections.abc import Mapping

from sidecar.engines import (
    detect,
    koboldcpp,
    llamacpp,
    lmdeploy,
    lmstudio,
    localai,
    mlx,
    ollama,
    openai,
    orca,
    sglang,
    status,
    tgi,
    triton,
    trtllm,
    vllm,
)
from sidecar.engines.engine import (
    Answer,
    Answers,
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
    "koboldcpp": koboldcpp.ENGINE,
    "llamacpp": llamacpp.ENGINE,
    "lmdeploy": lmdeploy.ENGINE,
    "lmstudio": lmstudio.ENGINE,
    "localai": localai.ENGINE,
    "mlx": mlx.ENGINE,
    "ollama": ollama.ENGINE,
    "openai": openai.ENGINE,
    "sglang": sglang.ENGINE,
    "status": status.ENGINE,
    "tgi": tgi.ENGINE,
    "triton": triton.ENGINE,
    "trtllm": trtllm.ENGINE,
    "vllm": vllm.ENGINE,
}

__all__ = [
    "ENGINES",
    "Answer",
    "Answers",
    "Ask",
    "Engine",
    "Liveness",
    "Model",
    "ModelKind",
    "Reading",
    "StructuredOutput",
    "Unreadable",
    "detect",
    "orca",
]
