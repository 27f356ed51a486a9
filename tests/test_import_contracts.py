"""The arrows between modules: kept as they are, and each contract breaks when it is violated."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent

VIOLATIONS = [
    ("the sidecar knows neither", "sidecar/views.py", "import router.errors"),
    ("the simulator knows neither", "simulator/settings.py", "import sidecar.errors"),
    ("only the composition root places", "router/dispatch.py", "import simulator"),
    ("the router enters the sidecar by its doors", "router/dispatch.py", "import sidecar.store"),
    ("sidecar shelves", "sidecar/state.py", "import sidecar.monitor"),
    ("sidecar shelves", "sidecar/utils.py", "DRAWER = 1"),
    ("router shelves", "router/relay.py", "import router.turn"),
    ("dashboards know names and rules", "dashboards/names.py", "import router.telemetry"),
    ("nothing that runs knows the dashboards", "router/metrics_docs.py", "import dashboards.names"),
    ("dashboards shelves", "dashboards/names.py", "import dashboards.frame"),
    ("what decides touches no outside world", "router/balance/choice.py", "import random"),
    ("tools do not know one another", "router/tools/mail.py", "import router.tools.infra"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and their contracts, to be spoiled."""
    for package in ("sidecar", "router", "simulator", "dashboards"):
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def broken_contracts(folder: Path) -> list[str]:
    """What `lint-imports` says is broken there."""
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if " BROKEN" in line]


def test_every_contract_is_kept(copy: Path) -> None:
    assert broken_contracts(copy) == []


@pytest.mark.parametrize(("contract", "file", "line"), VIOLATIONS, ids=[f"{c}: {li}" for c, _, li in VIOLATIONS])
def test_a_planted_violation_breaks_its_contract(copy: Path, contract: str, file: str, line: str) -> None:
    with (copy / file).open("a", encoding="utf-8") as module:
        module.write(f"\n{line}\n")
    assert any(broken.startswith(contract) for broken in broken_contracts(copy))


def test_only_the_composition_root_takes_the_store_out_of_the_sidecar() -> None:
    takers = {
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / "router").rglob("*.py")
        if "    Store,\n" in (text := path.read_text(encoding="utf-8")) or "import Store\n" in text
    }
    assert takers == {"router/app.py"}
