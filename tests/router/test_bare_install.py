"""What is installed without any extra is enough to start."""

import subprocess
import sys

OF_EXTRAS = ("anyio", "caldav", "docx", "httpx2", "hwpx", "jsonschema", "lxml", "mcp", "mcp_types", "pypdf")
"""What only an extra or the tests bring along."""
START = f"""
import sys
for name in {OF_EXTRAS!r}:
    sys.modules[name] = None
from importlib import import_module
from router.cli import COMMANDS
for command in COMMANDS.values():
    if command.module != "router.commands.mcp":
        import_module(command.module)
import router.serve
"""


def test_maek_starts_without_what_only_extras_bring() -> None:
    ended = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
