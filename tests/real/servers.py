"""Real LLM servers for the tests, started on loopback with a model made on the spot.

Where the executable is: MAEK_REAL_MLX, the path of `mlx_lm.server` in an environment of its own
(`pip install "mlx[cpu]" mlx-lm`). Without it tests are skipped, but on CI they fail: there they are wanted.
"""

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

EXECUTABLE_VARIABLE = "MAEK_REAL_MLX"
TINY_MODEL = Path(__file__).with_name("tiny_model.py")

START_SECONDS = 45.0
"""It takes 3 s alone on two cores; several at once, with tests beside them, take their time."""

POLL_SECONDS = 0.05


def mlx_executable() -> Path:
    """The path of `mlx_lm.server`; skips the test that asks if it is not told, or fails it on CI."""
    told = os.environ.get(EXECUTABLE_VARIABLE)
    if told:
        return Path(told)
    reason = f"set {EXECUTABLE_VARIABLE} to the path of mlx_lm.server"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(slots=True)
class RealServer:
    """A running server. `process` is the latest one; the URL stays over restarts."""

    base_url: str
    model: str
    """The name to ask for in a request."""
    process: asyncio.subprocess.Process
    command: tuple[str, ...]
    environment: dict[str, str]
    log: Path

    async def kill(self) -> None:
        """Ends it at once, as a crash or a power cut would; connections to it break."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def restart(self) -> None:
        """Starts it again on the same port, after a kill if it still runs; returns when it answers."""
        await self.kill()
        self.process = await spawned(self.command, self.environment, self.log)
        await self.answers()

    async def answers(self) -> None:
        """Waits until it says that it is well.

        Raises:
            RuntimeError: it ended instead, or took too long; with the end of what it logged.
        """
        try:
            async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
                while not await self._is_well(session):
                    if self.process.returncode is not None:
                        raise RuntimeError(f"{self.command[0]} ended: {self.last_words()}")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise RuntimeError(f"{self.command[0]} does not answer: {self.last_words()}") from error

    async def _is_well(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(self.base_url + "/health") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-2000:]


@asynccontextmanager
async def start(executable: Path) -> AsyncIterator[RealServer]:
    """An `mlx_lm.server` on a free port, gone at the end whatever happened to it meanwhile."""
    with temporary_folder() as folder:
        model = folder / "tiny"
        await make_model(executable.with_name("python"), model)
        (folder / "cache" / "hub").mkdir(parents=True)  # without it the list of models is an empty body
        port = free_port()
        environment = {**os.environ, "HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
        command = (str(executable), "--model", str(model), "--host", "127.0.0.1", "--port", str(port))
        log = folder / "log.txt"
        process = await spawned(command, environment, log)
        server = RealServer(f"http://127.0.0.1:{port}", str(model), process, command, environment, log)
        try:
            await server.answers()
            yield server
        finally:
            await server.kill()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder under its real name, since that is the one by which the server calls a model in it."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name).resolve()


async def make_model(python: Path, folder: Path) -> None:
    """Runs `tiny_model.py` with the Python that has the engine's libraries."""
    process = await asyncio.create_subprocess_exec(str(python), str(TINY_MODEL), str(folder))
    if await process.wait() != 0:
        raise RuntimeError(f"{TINY_MODEL.name} failed under {python}")


async def spawned(command: tuple[str, ...], environment: dict[str, str], log: Path) -> asyncio.subprocess.Process:
    """The process of a command, what it prints going to `log`."""
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(*command, env=environment, stdout=out, stderr=out)


def free_port() -> int:
    """A port nobody listens on now. Somebody might before the server does; then it ends and says so."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port
