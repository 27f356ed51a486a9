"""The bots of examples/gateways as processes of their own, as a user starts them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.examples.screen import PACE_SECONDS

POINTED = Path(__file__).with_name("pointed_discord_bot.py")
"""discord.py has no setting for another Discord: this sets it, and runs the bot as it is."""

GATEWAYS = Path(__file__).resolve().parents[2] / "examples" / "gateways"


@dataclass(slots=True)
class Bot:
    """A running bot. `process` is the latest one."""

    name: str
    log_path: Path
    environ: Mapping[str, str]
    process: asyncio.subprocess.Process
    _logged_before: int = 0

    def begin(self) -> None:
        """Another test: what it has said is no longer looked at."""
        self._logged_before = len(self.log_path.read_text(encoding="utf-8"))

    def log(self) -> str:
        """What it has said in this test."""
        return self.log_path.read_text(encoding="utf-8")[self._logged_before :]

    async def kill(self) -> None:
        """Ends it at once, as a crash would."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def restart(self) -> None:
        """Kills it and starts it again, as systemd would."""
        await self.kill()
        self.process = await _started(self.name, self.log_path, self.environ)


@asynccontextmanager
async def bot(name: str, folder: Path, environ: Mapping[str, str]) -> AsyncIterator[Bot]:
    """The bot of that service, until the context ends. It must run then, and have told neither a secret nor a trace."""
    log_path = folder / f"{name}.log"
    running = Bot(name, log_path, environ, await _started(name, log_path, environ))
    try:
        yield running
        assert running.process.returncode is None, running.log()
    finally:
        await running.kill()
    log = log_path.read_text(encoding="utf-8")
    assert "Traceback" not in log, log
    assert "secret" not in log


async def _started(name: str, log_path: Path, environ: Mapping[str, str]) -> asyncio.subprocess.Process:
    script = POINTED if name == "discord" else GATEWAYS / f"{name}_bot.py"
    with log_path.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, str(script), stdout=log, stderr=log, cwd=log_path.parent,
            env={"PATH": os.environ["PATH"], "PACE_SECONDS": str(PACE_SECONDS), **environ},
        )  # fmt: skip
