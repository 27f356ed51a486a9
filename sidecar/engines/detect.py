"""Which engine answers at a URL, from a few questions that change nothing there.

Rules of this file
- Pure; whoever asks has deadlines.
- Nobody is taken for an engine because it answers: only for what it says. An ordinary web application, also one that
  answers 200 to everything, is None.
- Cheap for the one asked, and safe: no question loads or wakes a model, or makes a token.
- The first that fits wins, the most telling first. What is identified is a default; the operator's word wins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sidecar.engines import localai, openai, status, tgi
from sidecar.engines.body import json_object, text
from sidecar.engines.engine import Answer, Ask, Unreadable

TRITON_SERVER = Ask("/v2")
ROOT = Ask("/")
OLLAMA_VERSION = Ask("/api/version")
VLLM_VERSION = Ask("/version")
PROPS = Ask("/props")

QUESTIONS: tuple[Ask, ...] = (
    openai.MODELS,
    VLLM_VERSION,
    OLLAMA_VERSION,
    status.STATUS,
    PROPS,
    tgi.INFO,
    TRITON_SERVER,
    localai.SYSTEM,
    ROOT,
)
"""Asked in this order; `identify` takes the answers in the same. Not `/health`: some servers run their model for it."""

USUAL_PORTS: tuple[int, ...] = (
    11434,  # Ollama
    1234,  # LM Studio
    8000,  # vLLM; TensorRT-LLM; Triton; llama-cpp-python
    8080,  # llama.cpp; MLX LM; LocalAI
    30000,  # SGLang
    23333,  # LMDeploy
    3000,  # TGI
    5001,  # KoboldCpp
    8486,  # `maek sidecar --listen`, in front of any of them
)
"""Where these servers listen unless told otherwise. Many other things listen on 3000, 8000 and 8080."""

OWNERS: Mapping[str, tuple[str, str]] = {
    "sglang": ("sglang", "SGLang"),
    "tensorrt_llm": ("trtllm", "TensorRT-LLM"),
    "lmdeploy": ("lmdeploy", "LMDeploy"),
    "koboldcpp": ("koboldcpp", "KoboldCpp"),
}
"""What servers that tell their load write as the owner of their models → the engine, and the name people know it by."""

LM_STUDIO_OWNERS = frozenset({"organization_owner", "organization-owner"})
TRITON_FRONTEND_OWNER = "Triton Inference Server"

LM_STUDIO_UNKNOWN_PATH = "Unexpected endpoint or method"
"""What LM Studio says, with status 200, about paths that it does not have."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server was recognised as."""

    engine: str
    """A name of `sidecar.engines.ENGINES`."""
    version: str | None = None
    """As the server tells it, None if it does not."""
    product: str = ""
    """The name people know the software by: also for servers that are asked as any OpenAI-compatible one."""
    fronts: str | None = None
    """The URL of the server that was recognised, where this is not its own address but a `maek sidecar` before it."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to `QUESTIONS`, by what was asked."""

    models: Answer | None
    vllm_version: Answer | None
    ollama_version: Answer | None
    status: Answer | None
    props: Answer | None
    info: Answer | None
    triton: Answer | None
    system: Answer | None
    root: Answer | None

    @property
    def owners(self) -> frozenset[str] | None:
        """Who is said to own the models; None if there is no list of models, empty if it names no owner."""
        try:
            entries = openai.listing(self.models) if self.models else None
        except Unreadable:
            return None
        if entries is None:
            return None
        return frozenset(owner for entry in entries if (owner := text(entry.get("owned_by"))))


def identify(answers: tuple[Answer | None, ...]) -> Identity | None:
    """The engine behind the answers to `QUESTIONS` (None where none came), or None if it is no LLM server."""
    given = Answers(*answers)
    fronts = status.fronted(given.status)
    if fronts is not None:
        # All other answers are those of the server behind, and it is the one to be recognised.
        given = replace(given, status=None)
    for recognise in RECOGNISERS:
        found = recognise(given)
        if found is not None:
            return replace(found, fronts=fronts)
    return None


def as_llamacpp(given: Answers) -> Identity | None:
    """llama-server owns its models, says so in a header also while it loads, and tells its build."""
    said = (given.models, given.props)
    header = any(answer is not None and answer.headers.get("server") == "llama.cpp" for answer in said)
    if not header and given.owners != frozenset({"llamacpp"}):
        return None
    build = text_in(given.props, "build_info")
    return Identity("llamacpp", build, "llama.cpp")


def as_vllm(given: Answers) -> Identity | None:
    """vLLM owns its models and tells its version; with a key it still tells the version, beside its refusal."""
    version = text_in(given.vllm_version, "version")
    if given.owners == frozenset({"vllm"}) and (version or given.vllm_version is None):
        return Identity("vllm", version, "vLLM")
    refused = text_in(given.models, "error", status=401)
    return Identity("vllm", version, "vLLM") if version and refused else None


def as_status(given: Answers) -> Identity | None:
    """A list of models, and a `/status` with both counts."""
    if given.owners is None or given.status is None:
        return None
    try:
        reading = status.read_status(given.status)
    except Unreadable:
        return None
    if reading.total_requests is None:
        return None
    product = "Maek" if given.owners == frozenset({"maek"}) else "OpenAI-compatible with /status"
    return Identity("status", None, product)


def as_ollama(given: Answers) -> Identity | None:
    """Ollama says that it is running, and its version."""
    version = text_in(given.ollama_version, "version")
    says_so = given.root is not None and given.root.body.strip() == b"Ollama is running"
    return Identity("ollama", version, "Ollama") if version and says_so else None


def as_mlx(given: Answers) -> Identity | None:
    """mlx_lm.server is the one on Python's own HTTP server whose models have no owner.

    Its list may be 200 with an empty body, which is no list at all. Its 404 is a text that claims to be JSON.
    """
    if given.models is None or given.models.status != 200 or given.root is None:
        return None
    python = given.models.headers.get("server", "").startswith("BaseHTTP/")
    listed = given.owners == frozenset() or not given.models.body.strip()
    nothing_else = given.root.status == 404 and given.root.body == b"Not Found"
    claims_json = given.root.headers.get("content-type") == "application/json"
    return Identity("mlx", None, "MLX LM") if python and listed and nothing_else and claims_json else None


def as_tgi(given: Answers) -> Identity | None:
    """TGI tells its version, and that it is the router of text-generation-inference."""
    router = text_in(given.info, "router") or ""
    version = text_in(given.info, "version")
    known = router.startswith("text-generation") and text_in(given.info, "model_id")
    return Identity("tgi", version, "TGI") if known else None


def as_triton(given: Answers) -> Identity | None:
    """Triton tells its name and version, as KServe's protocol wants; it lists no models in OpenAI's way."""
    name, version = text_in(given.triton, "name"), text_in(given.triton, "version")
    return Identity("triton", version, "Triton") if name == "triton" and version and given.owners is None else None


def as_owned(given: Answers) -> Identity | None:
    """Whoever is said to own all of the models, where that is a server that we know."""
    known = {OWNERS.get(owner) for owner in given.owners or ()}
    found = known.pop() if len(known) == 1 else None
    if found is None:
        return None
    engine, product = found
    version = text_in(given.vllm_version, "version") if engine == "trtllm" else None
    return Identity(engine, version, product)


def as_lmstudio(given: Answers) -> Identity | None:
    """LM Studio owns its models, in words of its own. Without any, or a token, it is known by how it misses a path."""
    refused = given.models is not None and given.models.status == 401
    if given.owners is None and not refused:
        return None
    said = text_in(given.ollama_version, "error") or ""
    owned = (given.owners or frozenset({""})) <= LM_STUDIO_OWNERS
    known = owned or said.startswith(LM_STUDIO_UNKNOWN_PATH)
    return Identity("lmstudio", None, "LM Studio") if known else None


def as_localai(given: Answers) -> Identity | None:
    """LocalAI tells which of its backends are installed and which models run; its models have no owner."""
    try:
        system = json_object(given.system) if given.system is not None else {}
    except Unreadable:
        return None
    known = given.owners == frozenset() and {"backends", "loaded_models"} <= system.keys()
    return Identity("localai", text_in(given.vllm_version, "version"), "LocalAI") if known else None


def as_openai(given: Answers) -> Identity | None:
    """A list of models is enough."""
    if given.owners is None:
        return None
    frontend = given.owners == frozenset({TRITON_FRONTEND_OWNER})
    return Identity("openai", None, "Triton's OpenAI frontend" if frontend else "OpenAI-compatible")


RECOGNISERS: tuple[Callable[[Answers], Identity | None], ...] = (
    as_llamacpp,
    as_vllm,
    as_tgi,
    as_owned,
    as_status,
    as_ollama,
    as_lmstudio,
    as_localai,
    as_mlx,
    as_triton,
    as_openai,
)
"""`as_status` stands behind those that tell more of their load than it would, and before those that tell nothing."""


def text_in(answer: Answer | None, key: str, *, status: int = 200) -> str | None:
    """The text under a key of a JSON object answered with that status, else None."""
    if answer is None or answer.status != status:
        return None
    try:
        return text(json_object(Answer(200, answer.body)).get(key))
    except Unreadable:
        return None
