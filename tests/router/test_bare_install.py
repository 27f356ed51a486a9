"""What is installed without any extra is enough to start."""

import subprocess
import sys
from pathlib import Path

OF_EXTRAS = (
    "anyio",
    "caldav",
    "docx",
    "httpx2",
    "hwpx",
    "jsonschema",
    "lxml",
    "mcp",
    "mcp_types",
    "opentelemetry",
    "pypdf",
)
"""What only an extra or the tests bring along."""
BARE = f"""
import sys
for name in {OF_EXTRAS!r}:
    sys.modules[name] = None
"""
START = f"""{BARE}
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


TRACED = f"""{BARE}
from router.app import Tracing
from router.cli import main
from router.config_tracing import TracingConfig
tracing = Tracing()
tracing.adopt(TracingConfig(endpoint="http://127.0.0.1:4318"))
assert not tracing.on
sys.exit(main(["check", "-c", sys.argv[1]]))
"""


def test_a_collector_without_the_extra_is_told_with_the_line_to_run_and_stops_nothing(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("router: {tracing: {endpoint: 'http://127.0.0.1:4318'}}\n")
    ended = subprocess.run([sys.executable, "-c", TRACED, config], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    line = "pip install 'maek[otel]'"
    assert ended.stdout == (
        f"warning: {config}:1: router.tracing.endpoint: found a collector without the libraries that send traces; "
        f"wanted them installed: {line}\n{config}: all right\n"
    )
    assert ended.stderr == f"nothing is traced: the libraries are missing; run: {line}\n"
