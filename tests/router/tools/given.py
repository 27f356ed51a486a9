"""What the tests of tools share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from router.tools.spec import BackendSummary, ToolCall

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=ZoneInfo("Asia/Seoul"))
MLX = BackendSummary("mlx", "mlx_lm", True, "busy", ("gemma4",), False)
SIM = BackendSummary("sim", "vllm", True, "very_busy", ("a", "b"), True)
DOWN = BackendSummary("old", "ollama", False, "unavailable", (), False)
NEW = BackendSummary("new", "ollama", None, "unavailable", (), False)


@dataclass(frozen=True)
class Known:
    """Stands at ToolFacts."""

    summaries: Sequence[BackendSummary] = ()

    def backends(self) -> tuple[BackendSummary, ...]:
        return tuple(self.summaries)


def ctx(*backends: BackendSummary, language: str = "ko") -> ToolCall:
    """A call at NOW that knows these backends."""
    return ToolCall(NOW, language, Known(backends), "anonymous", "room-1")
