"""`mcp-server-time`, a server of the Model Context Protocol by the protocol's own authors.

Where it is: MAEK_REAL_MCP_TIME, the path of `mcp-server-time` in an environment of its own
(`pip install mcp-server-time`). Without it tests are skipped, but on CI they fail: there they are wanted.
"""

import os
from pathlib import Path

import pytest

EXECUTABLE_VARIABLE = "MAEK_REAL_MCP_TIME"


def executable() -> Path:
    """The path of the program; skips the test that asks if it is not told, or fails it on CI."""
    told = os.environ.get(EXECUTABLE_VARIABLE)
    if told:
        return Path(told)
    reason = f"set {EXECUTABLE_VARIABLE} to the path of mcp-server-time"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
