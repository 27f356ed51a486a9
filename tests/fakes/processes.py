"""`maek` as its own process, as a user starts it."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

MAEK = (sys.executable, "-m", "router")
STARTED_SECONDS = 30.0
"""For a process that starts within a second, on machines that are busy."""


@dataclass(slots=True)
class Served:
    """A running `maek serve`."""

    process: asyncio.subprocess.Process
    url: str
    banner: str
    log_path: Path

    def log(self) -> str:
        """What it has logged so far."""
        return self.log_path.read_text(encoding="utf-8")


async def maek_command(
    *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command that ends by itself."""
    process = await asyncio.create_subprocess_exec(
        *MAEK, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environ or {})}, cwd=cwd,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin), STARTED_SECONDS)
    finally:
        if process.returncode is None:  # nobody waits for it any more
            process.kill()
            await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def maek_serve(folder: Path, arguments: Sequence[str] = ()) -> AsyncIterator[Served]:
    """`maek serve` with its data and its log under `folder`, until the context ends."""
    log_path = folder / "serve.log"
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *MAEK, "serve", *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=log,
            env={**os.environ, "MAEK_DATA_DIR": str(folder / "data")}, cwd=folder,
        )  # fmt: skip
    try:
        banner = await asyncio.wait_for(_banner(process, log_path), STARTED_SECONDS)
        found = re.search(r"http://[^\s]+", banner)
        assert found is not None, banner
        yield Served(process, found.group(), banner, log_path)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), STARTED_SECONDS)


async def _banner(process: asyncio.subprocess.Process, log_path: Path) -> str:
    assert process.stdout is not None
    lines = b""
    while b"Try:" not in lines:
        line = await process.stdout.readline()
        assert line, f"maek serve ended: {log_path.read_text(encoding='utf-8')}"
        lines += line
    return lines.decode()
