"""The bots of examples/gateways as processes of their own, as a user starts them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

GATEWAYS = Path(__file__).resolve().parents[2] / "examples" / "gateways"


@dataclass(slots=True)
class Bot:
    """A running bot."""

    process: asyncio.subprocess.Process
    log_path: Path

    def log(self) -> str:
        """What it has said so far."""
        return self.log_path.read_text(encoding="utf-8")


@asynccontextmanager
async def bot(name: str, folder: Path, environ: Mapping[str, str]) -> AsyncIterator[Bot]:
    """The bot of that service, until the context ends. It must still run then, and have told no secret and no trace."""
    log_path = folder / f"{name}.log"
    with log_path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(GATEWAYS / f"{name}.py"), stdout=log, stderr=log, cwd=folder,
            env={"PATH": os.environ["PATH"], **environ},
        )  # fmt: skip
    running = Bot(process, log_path)
    try:
        yield running
        assert process.returncode is None, running.log()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert "Traceback" not in running.log(), running.log()
    assert "secret" not in running.log()
