"""`maek sim` as a process, and what it says to mistakes."""

import asyncio
import signal
import sys

import aiohttp
import pytest

from simulator import Engine, SettingsError, SimSettings


async def run(*arguments):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", "--listen", "127.0.0.1:0", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_prints_one_line_serves_and_stops_cleanly(number):
    process = await run(
        "--engine", "vllm", "--model", "a-1b", "--model", "b-30b", "--fault", "slow:factor=2", "--fault", "cut"
    )  # fmt: skip
    assert process.stdout is not None
    banner = (await process.stdout.readline()).decode()
    url = banner.split()[2]
    assert banner == f"maek sim: {url} engine=vllm preset=demo models=a-1b,b-30b\n"
    async with aiohttp.ClientSession() as session, session.get(f"{url}/sim/state") as response:
        assert set((await response.json())["faults"]) == {"slow", "cut"}
    process.send_signal(number)
    assert await process.communicate() == (b"", b"")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--listen", "nowhere"), "found 'nowhere'; wanted HOST:PORT, such as 127.0.0.1:8000"),
        (("--listen", "127.0.0.1:²"), "found '127.0.0.1:²'; wanted HOST:PORT, such as 127.0.0.1:8000"),
        (("--fault", "slow"), "slow: factor is required"),
        (("--slots", "0"), "maek sim: slots must be at least 1"),
        (("--model", "a", "--model", "a"), "maek sim: models must be one or more different names"),
    ],
)
async def test_a_mistake_is_one_sentence_and_exit_code_2(arguments, message):
    process = await run(*arguments)
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert message in errors.decode()


async def test_a_taken_port_is_said():
    first = await run()
    assert first.stdout is not None
    address = (await first.stdout.readline()).decode().split()[2].removeprefix("http://")
    second = await run("--listen", address)
    _, errors = await second.communicate()
    assert second.returncode == 1
    assert errors.decode().startswith(f"maek sim: cannot listen on {address}: ")
    first.terminate()
    await first.communicate()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"models": ()}, "models must be one or more different names"),
        ({"preset": "abacus"}, "unknown preset 'abacus'; known are "),
        ({"max_queue": -1}, "max_queue must not be negative"),
        ({"cold_start_seconds": -1.0}, "cold_start_seconds must not be negative"),
        ({"keep_alive_seconds": -1.0}, "keep_alive_seconds must not be negative"),
        ({"engine": "abacus"}, "unknown engine 'abacus'; known are openai, vllm, "),
    ],
)
def test_settings_that_make_no_server_are_refused(settings, message):
    with pytest.raises(SettingsError) as caught:
        SimSettings(**settings)
    assert str(caught.value).startswith(message)


def test_an_engine_may_be_given_by_its_name():
    assert SimSettings(engine="vllm").engine == Engine.VLLM  # type: ignore[arg-type]
