"""`maek tools` as a user calls it: of a running Maek, and of a configuration alone."""

from pathlib import Path

import orjson

from router.keys import new_key
from simulator import SimSettings
from tests.fakes.processes import maek_command
from tests.fakes.routers import config_for, maek, maek_with_simulators
from tests.fakes.upstreams import free_port

ENGLISH = {"LC_ALL": "C.UTF-8", "MAEK_KEY": ""}


def configured(folder: Path, text: str = "") -> str:
    file = folder / "config.yaml"
    file.write_text(f"router:\n  listen: 127.0.0.1:{free_port()}\n{text}", encoding="utf-8")
    return str(file)


async def test_a_running_maek_is_asked_and_its_list_is_the_same_as_that_of_http() -> None:
    async with maek_with_simulators(SimSettings(), tools={"calendar": {"kind": "none"}}) as (router, _):
        code, out, problem = await maek_command("tools", "--url", router.url, "--json", environ=ENGLISH)
        _, text, _ = await maek_command("tools", "--url", router.url, environ=ENGLISH | {"LC_ALL": "ko_KR.UTF-8"})
        _, told = await router.get("/tools")
    assert (code, problem) == (0, "")
    assert orjson.loads(out) == told
    assert "calendar  일정  (설정되지 않음)" in text


async def test_without_one_the_configuration_tells(tmp_path: Path) -> None:
    code, text, problem = await maek_command("tools", "-c", configured(tmp_path), environ=ENGLISH)
    assert code == 0
    assert "no Maek is running" in problem
    assert "  create_draft(title, date, time?, end_time?, description?)  prepare a new entry for confirmation" in text
    assert "email  mail (read only)  (not set up)" in text


async def test_one_that_was_named_and_does_not_answer_or_wants_a_key_is_a_problem() -> None:
    _, key_hash = new_key()
    silent = f"http://127.0.0.1:{free_port()}"
    async with maek(config_for(keys=[key_hash])) as locked:
        codes = [await maek_command("tools", "--url", url, environ=ENGLISH) for url in (silent, locked.url)]
    assert [code for code, _, _ in codes] == [1, 1]
    assert "nothing answers" in codes[0][2]
    assert "wants a key" in codes[1][2]


async def test_a_broken_configuration_is_said(tmp_path: Path) -> None:
    code, text, problem = await maek_command("tools", "-c", configured(tmp_path, "  tols: {}\n"), environ=ENGLISH)
    assert (code, text) == (1, "")
    assert "router.tols" in problem
