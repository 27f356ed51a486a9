"""Who keeps a journal of what tools write, while one is kept.

Rules of this file
- A call of an operation that writes goes through `noted`. Without a journal it is just the call.
- The journal belongs to whoever runs the turn, and reaches the call by the context of his task: no tool knows of it.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Protocol

from router.tools.spec import Operation, ToolCall, ToolResult


class Journal(Protocol):
    """Notes a write before it begins and after it ended."""

    async def written(
        self, tool: str, operation: Operation, call: ToolCall, run: Callable[[], Awaitable[ToolResult]]
    ) -> ToolResult:
        """What `run` gives. Raises what it raises, or ToolFailed where it shall not run."""
        ...


JOURNAL: ContextVar[Journal | None] = ContextVar("journal", default=None)


async def noted(
    tool: str, operation: Operation, call: ToolCall, run: Callable[[], Awaitable[ToolResult]]
) -> ToolResult:
    """What `run` gives, noted where somebody keeps a journal."""
    journal = JOURNAL.get()
    return await (run() if journal is None else journal.written(tool, operation, call, run))
