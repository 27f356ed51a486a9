"""`maek top` as a user sees it: in a terminal, in a pipe, while servers come and go."""

import signal
from pathlib import Path

import orjson

from simulator import SimSettings
from tests.fakes.processes import maek_command
from tests.fakes.routers import config_for, maek, maek_with_simulators
from tests.fakes.terminals import terminal
from tests.fakes.upstreams import free_port

SIM = SimSettings()
ENGLISH = {"LC_ALL": "C.UTF-8", "MAEK_KEY": ""}
QUICK = ("--interval", "0.2")
QUESTION = {"message": "양자역학 설명해줘"}


async def test_a_terminal_shows_the_fleet_hears_keys_and_gets_back_what_it_had(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM, SIM) as (router, _):
        await router.post("/chat", QUESTION)
        async with terminal("top", "--url", router.url, *QUICK, environ=ENGLISH, cwd=tmp_path) as window:
            before = window.settings()
            screen = await window.shows(lambda screen: "tok/s" in screen and "1.0 requests/s" not in screen)
            assert "2 of 2 up" in screen
            assert "> sim0" in screen
            window.type("\033[B")
            await window.shows(lambda screen: "> sim1" in screen)
            window.type("l")
            await window.shows(lambda screen: "2개 중 2개 정상" in screen)
            window.type("lp")
            await window.shows(lambda screen: " paused " in screen)
            assert window.grid.modes >= {"?1049h", "?25l", "?7l"}
            window.type("q")
            assert await window.process.wait() == 0
            await window.shows(lambda _: not window.grid.modes)
            assert window.settings() == before


async def test_the_frame_follows_the_size_of_the_window(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM) as (router, _):
        async with terminal("top", "--url", router.url, *QUICK, environ=ENGLISH, cwd=tmp_path) as window:
            await window.shows(lambda screen: "last 3m" in screen)
            window.resize(40, 8)
            screen = await window.shows(lambda screen: "sim0" in screen and "last 3m" not in screen)
            assert len(screen.splitlines()) <= 8
            window.resize(160, 50)
            await window.shows(lambda screen: "last failure" in screen)


async def test_a_server_that_goes_is_said_and_one_that_comes_back_is_seen(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    dead = {"name": "nas", "url": f"http://127.0.0.1:{free_port()}", "models": {"reasoner": "m"}}
    arguments = ("top", "--url", f"http://{listen}", *QUICK)
    async with terminal(*arguments, environ=ENGLISH, cwd=tmp_path) as window:
        await window.shows(lambda screen: "asking again" in screen)
        async with maek(config_for([dead], listen=listen)):
            await window.shows(lambda screen: "down refused" in screen and "asking again" not in screen)
        await window.shows(lambda screen: "asking again: nothing answers at" in screen and "down refused" in screen)
        async with maek(config_for([dead], listen=listen)):
            await window.shows(lambda screen: "asking again" not in screen)


async def test_whoever_puts_it_aside_has_his_terminal_until_he_comes_back(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM) as (router, _):
        async with terminal("top", "--url", router.url, *QUICK, environ=ENGLISH, cwd=tmp_path) as window:
            before = window.settings()
            await window.shows(lambda screen: "sim0" in screen)
            window.process.send_signal(signal.SIGTSTP)
            await window.shows(lambda _: not window.grid.modes)
            await window.shows(lambda _: window.settings() == before)
            window.process.send_signal(signal.SIGCONT)
            await window.shows(lambda screen: window.grid.modes and "sim0" in screen)


async def test_ctrl_c_ends_it_and_gives_the_terminal_back(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM) as (router, _):
        async with terminal("top", "--url", router.url, environ=ENGLISH, cwd=tmp_path) as window:
            await window.shows(lambda screen: "sim0" in screen)
            window.process.send_signal(signal.SIGINT)
            assert await window.process.wait() == 0
            await window.shows(lambda _: not window.grid.modes)


async def test_fifty_servers_can_be_leafed_through_in_korean_in_a_small_window(tmp_path: Path) -> None:
    port = free_port()
    many = [
        {"name": f"gpu-{n:02}", "url": f"http://127.0.0.{n + 1}:{port}", "models": {"reasoner": "m"}} for n in range(50)
    ]
    korean = ENGLISH | {"LC_ALL": "ko_KR.UTF-8", "NO_COLOR": "1"}
    config = config_for(many)
    seldom = config.sidecar.model_copy(update={"retry_interval_seconds": 10.0})
    async with maek(config.model_copy(update={"sidecar": seldom})) as router:
        arguments = ("top", "--url", router.url, *QUICK)
        async with terminal(*arguments, columns=60, lines=20, environ=korean, cwd=tmp_path) as window:
            await window.shows(lambda screen: "중단 연결 거부" in screen and "1-9/50" in screen)
            window.type("\033[6~")
            await window.shows(lambda screen: "> gpu-08" in screen)
            window.type("G")
            await window.shows(lambda screen: "> gpu-49" in screen and "42-50/50" in screen)
            window.resize(80, 24)
            await window.shows(lambda screen: "> gpu-49" in screen and "38-50/50" in screen)
            assert not window.grid.coloured


async def test_a_terminal_that_cannot_be_drawn_on_gets_one_frame(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM) as (router, _):
        dumb = ENGLISH | {"TERM": "dumb"}
        async with terminal("top", "--url", router.url, *QUICK, environ=dumb, cwd=tmp_path) as window:
            assert await window.process.wait() == 0
            await window.shows(lambda screen: "sim0" in screen)
            assert (window.grid.ever, window.grid.coloured) == (set(), False)


async def test_a_pipe_gets_one_frame_of_plain_text() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        await router.post("/chat", QUESTION)
        code, out, problem = await maek_command("top", "--url", router.url, *QUICK, environ=ENGLISH)
    assert (code, problem) == (0, "")
    assert "\033" not in out
    title, summary, _, titles, row = out.splitlines()
    assert "1 of 1 up" in title
    assert "requests/s" in summary
    assert titles.split()[:4] == ["backend", "state", "in", "flight"]
    assert row.split()[:2] == ["sim0", "free"]


async def test_without_unicode_it_is_drawn_in_ascii() -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    async with maek_with_simulators(SIM) as (router, _):
        code, out, problem = await maek_command("top", "--url", router.url, *QUICK, environ=ENGLISH | ascii_only)
        await router.post("/chat", QUESTION)
        explained, text, _ = await maek_command("explain", "--url", router.url, environ=ENGLISH | ascii_only)
    assert (code, explained, problem) == (0, 0, "")
    assert out.isascii()
    assert out.splitlines()[4].rstrip().endswith("_")
    assert text.isascii()


async def test_json_has_what_the_server_says_and_the_rates() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        _, out, _ = await maek_command("top", "--json", "--url", router.url, *QUICK, environ=ENGLISH)
        _, answer = await router.get("/backends")
    told = orjson.loads(out)
    [backend] = told["backends"]
    assert backend["tokens_per_second"] == 0.0
    assert backend.keys() == answer["backends"][0].keys() | {"tokens_per_second"}
    assert (told["url"], told["active"], told["requests_per_second"]) == (router.url, 0, 0.0)


async def test_what_cannot_be_shown_is_said_in_one_line_that_helps() -> None:
    nobody = await maek_command("top", "--url", f"http://127.0.0.1:{free_port()}", environ=ENGLISH)
    too_often = await maek_command("top", "--interval", "0", environ=ENGLISH)
    assert (nobody[0], too_often[0]) == (1, 2)
    assert "Is `maek serve` running?" in nobody[2]
    assert "wanted seconds from 0.1 to 3600" in too_often[2]
