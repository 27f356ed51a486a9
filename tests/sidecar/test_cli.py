import argparse
import asyncio
import signal
import socket
import sys
from contextlib import suppress
from itertools import chain
from pathlib import Path

import aiohttp
import pytest

from sidecar.cli import add_arguments, run
from tests.fakes import backends as fakes

ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import argparse, sys; from sidecar.cli import add_arguments, run; "
    "parser = argparse.ArgumentParser(); add_arguments(parser); sys.exit(run(parser.parse_args()))"
)


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(("how", "name"), [([], "127-0-0-1-{port}"), (["--name", "mini"], "mini")])
async def test_one_backend_is_watched_until_the_signal(how: list[str], name: str) -> None:
    async with fakes.serving(fakes.healthy) as fake:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, "--backend", fake.url, "--listen-metrics", "127.0.0.1:0", *how,
            stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        url = line.split("metrics on ")[1].strip()
        name = name.format(port=fake.port)
        assert line.startswith(f"watching {name} at {fake.url}; ")
        up = f'maek_backend_up{{backend="{name}"}} 1.0'
        async with aiohttp.ClientSession() as client:
            while True:
                async with client.get(url) as response:
                    if up in await response.text():
                        break
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def started(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    """A sidecar as its own process, and the line that it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *arguments, "--listen-metrics", "127.0.0.1:0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode()


def proxy_of(line: str) -> str:
    """Where the proxy listens, by what was printed."""
    return line.partition("passing on what comes to ")[2].partition(";")[0]


async def refused(client: aiohttp.ClientSession, url: str) -> None:
    """Return once nobody new is let in."""
    with suppress(aiohttp.ClientConnectorError):
        while True:
            await client.get(url + "/livez")


async def test_told_to_stop_it_finishes_what_runs() -> None:
    go = asyncio.Event()

    async def slow(_line: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nfour")
        await writer.drain()
        await go.wait()
        writer.write(b"more")

    async with fakes.serving(slow) as fake:
        process, line = await started("--backend", fake.url, "--engine", "ollama", "--listen", "127.0.0.1:0")
        async with aiohttp.ClientSession() as client, client.post(proxy_of(line) + "/api/chat") as response:
            assert await response.content.readexactly(4) == b"four"
            process.send_signal(signal.SIGTERM)
            await refused(client, proxy_of(line))
            go.set()
            assert await response.read() == b"more"
        assert await process.wait() == 0


@pytest.mark.parametrize(("how", "exit_code"), [(["--grace-seconds", "0"], 0), ([], 130)])
async def test_who_does_not_want_to_wait_need_not(how: list[str], exit_code: int) -> None:
    async with fakes.serving(fakes.hangs_after_headers) as fake:
        process, line = await started("--backend", fake.url, "--engine", "ollama", "--listen", "127.0.0.1:0", *how)
        async with aiohttp.ClientSession() as client, client.post(proxy_of(line) + "/api/chat") as response:
            assert await response.content.readexactly(1) == b"{"
            process.send_signal(signal.SIGTERM)
            if not how:
                await refused(client, proxy_of(line))
                process.send_signal(signal.SIGTERM)
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        assert await process.wait() == exit_code


@pytest.mark.parametrize(("host", "loud"), [("127.0.0.1", False), ("[::1]", False), ("0.0.0.0", True)])
async def test_a_proxy_that_others_can_reach_says_so_loudly(host: str, loud: bool) -> None:
    async with fakes.serving(fakes.healthy) as fake:
        process, line = await started("--backend", fake.url, "--listen", f"{host}:0")
        process.send_signal(signal.SIGTERM)
        _, said = await process.communicate()
    assert proxy_of(line).startswith(f"http://{host}:")
    assert (b"WARNING" in said and b"can be reached from other machines, and asks nobody for a key" in said) is loud


@pytest.mark.parametrize("seconds", ["-1", "soon", "nan", "1e9"])
def test_a_grace_that_is_none_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--backend", "http://mini", "--grace-seconds", seconds)
    assert "wanted seconds from 0 to 86400" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "mini:8080"], "--backend: wanted http://HOST:PORT"),
        (["--backend", "http://user:hunter2@mini:8080"], "--backend: wanted http://HOST:PORT"),
        (["--backend", "http://mini:8080", "--name", "my backend"], "--name: wanted a name of up to 64"),
    ],
)
def test_a_mistake_is_one_sentence_without_the_password(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(parsed(*arguments)) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"maek sidecar: {message}")
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "place", ["8485", "127.0.0.1:", ":8485", "127.0.0.1:70000", "127.0.0.1:http", "127.0.0.1:²", "::1:9"]
)
def test_a_place_to_listen_that_is_none_is_refused(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed("--backend", "http://mini:8080", "--listen-metrics", place)
    assert caught.value.code == 2
    assert "wanted HOST:PORT" in capsys.readouterr().err


def test_the_usual_place_and_addresses_of_both_kinds() -> None:
    assert parsed("--backend", "http://mini").listen_metrics == ("127.0.0.1", 8485)
    assert parsed("--backend", "http://mini", "--listen-metrics", "[::1]:9").listen_metrics == ("::1", 9)


@pytest.mark.parametrize("option", ["--listen", "--listen-metrics"])
def test_a_port_that_is_taken_is_said_and_ends_it(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        places = {"--listen-metrics": "127.0.0.1:0"} | {option: where}
        assert run(parsed("--backend", f"http://{where}", *chain.from_iterable(places.items()))) == 1
    said = capsys.readouterr().err
    assert f"maek sidecar: cannot listen on {where}: " in said
    assert said.rstrip().endswith(f"; choose another {option}")


def test_without_a_name_it_is_called_after_its_place() -> None:
    assert run(parsed("--backend", "mini")) == 2
