"""What a person reads after `maek serve`: where to ask, who answers, and what is missing.

Rules of this file
- Pure: a service and a URL in, text out.
"""

from router.balance.pools import Candidate
from router.service import Service
from sidecar import ENGINES, BackendState


def banner(service: Service, url: str) -> str:
    """Some lines without a newline at the end."""
    states = service.fleet.snapshot().backends
    lines = [f"Maek listens on {url}", ""]
    lines += [_backend_line(state) for state in states.values()]
    lines += [_role_line(role, pool) for role, pool in service.fleet.pools().items()]
    if any(state.spec.simulated for state in states.values()):
        lines += [
            "",
            "No LLM server was found on this machine, so the built-in simulator answers, and its answers say so.",
            "Start one (Ollama, LM Studio, vLLM, llama.cpp, MLX …) and Maek finds it, or name yours in config.yaml.",
            "이 컴퓨터에서 LLM 서버를 찾지 못해 내장 시뮬레이터가 대신 답합니다. 서버를 켜면 Maek이 찾아냅니다.",
        ]
    example = '{"message": "안녕"}'
    lines += ["", f"Try:  curl {url}/chat -H 'content-type: application/json' -d '{example}'"]
    return "\n".join(lines)


def _backend_line(state: BackendState) -> str:
    engine = ENGINES.get(state.engine or "")
    title = "simulator" if state.spec.simulated else engine.title if engine is not None else "not identified yet"
    version = f" {state.engine_version}" if state.engine_version else ""
    return f"  backend  {state.name:<20} {title + version:<24} {state.spec.url}  {state.health.verdict}"


def _role_line(role: str, pool: tuple[Candidate, ...]) -> str:
    who = ", ".join(f"{one.backend} ({one.model})" for one in pool)
    hint = "nobody: name one with models: {" + f"{role}: MODEL" + "} in config.yaml"
    return f"  role     {role:<20} {who or hint}"
