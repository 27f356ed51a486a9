import argparse
import asyncio
import signal
import socket
import sys
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


def test_a_port_that_is_taken_is_said_and_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        where = f"127.0.0.1:{port}"
        assert run(parsed("--backend", f"http://{where}", "--listen-metrics", where)) == 1
    assert f"maek sidecar: cannot listen on {where}: " in capsys.readouterr().err


def test_without_a_name_it_is_called_after_its_place() -> None:
    assert run(parsed("--backend", "mini")) == 2
