"""`maek explain` as a user calls it, against a Maek that runs."""

import orjson

from router.keys import new_key
from simulator import SimSettings
from tests.fakes.processes import maek_command
from tests.fakes.routers import Maek, config_for, maek, maek_with_simulators
from tests.fakes.upstreams import free_port

SIM = SimSettings()
ENGLISH = {"LC_ALL": "C.UTF-8", "MAEK_KEY": ""}


async def explained(router: Maek, *arguments: str, **environ: str) -> tuple[int, str, str]:
    return await maek_command("explain", "--url", router.url, *arguments, environ=ENGLISH | environ)


async def test_a_routed_chat_is_told_in_sentences_without_colours_in_a_pipe() -> None:
    async with maek_with_simulators(SIM, SIM) as (router, _):
        async with router.client.post(router.url + "/chat", json={"message": "양자역학 설명해줘"}) as response:
            record_id = response.headers["x-maek-decision"]
            why = response.headers["x-maek-why"]
            backend = response.headers["x-maek-backend"]
        code, text, problem = await explained(router, record_id)
        _, korean, _ = await explained(router, record_id, LC_ALL="ko_KR.UTF-8")
    assert (code, problem) == (0, "")
    assert why.startswith(f"predicted (ttft/e2e/cost): {backend} ~")
    assert text.startswith(f"Decision {record_id}")
    assert f"  {backend}, with sim-large-32b, answered." in text
    assert "> sim" in text
    assert "First token: predicted" in text
    assert korean.startswith(f"결정 {record_id}")
    assert "\033" not in text + korean


async def test_without_an_id_the_newest_is_told_also_as_json() -> None:
    async with maek_with_simulators(SIM) as (router, _):
        await router.post("/chat", {"message": "양자역학 설명해줘"})
        _, newest = await router.post("/chat", {"message": "안녕"})
        code, out, _ = await explained(router, "--json")
        _, text, _ = await explained(router, "--lang", "en")
    assert (code, orjson.loads(out)["id"]) == (0, newest["id"])
    assert "Maek itself: no backend was asked for the answer." in text


async def test_a_request_that_nobody_could_take_is_explained_too() -> None:
    dead = {"name": "dead", "url": f"http://127.0.0.1:{free_port()}", "models": {"reasoner": "m"}}
    async with maek(config_for([dead])) as router:
        async with router.client.post(router.url + "/chat", json={"message": "hello", "role": "reasoner"}) as refused:
            why = refused.headers["x-maek-why"]
        _, text, _ = await explained(router)
    assert why == "predicted: nobody; dead down"
    assert "Nobody could serve." in text
    assert "dead  left out: it is down" in text


async def test_what_cannot_be_told_is_said_in_one_line_that_helps() -> None:
    _, key_hash = new_key()
    async with maek_with_simulators(SIM) as (router, _), maek(config_for(keys=[key_hash])) as locked:
        unknown = await explained(router, "0000")
        nothing = await explained(router)
        refused = await explained(locked)
    nobody = await maek_command("explain", "--url", f"http://127.0.0.1:{free_port()}", environ=ENGLISH)
    korean = await maek_command("explain", "--url", "nonsense", "--lang", "ko", environ=ENGLISH)
    assert [code for code, _, _ in (unknown, nothing, refused, nobody, korean)] == [1] * 5
    assert unknown[2].startswith("maek explain: there is no such decision.")
    assert nothing[2].startswith("maek explain: there are no decisions yet.")
    assert "MAEK_KEY" in refused[2]
    assert "Is `maek serve` running?" in nobody[2]
    assert "URL이 아닙니다" in korean[2]


async def test_a_key_of_the_environment_opens_the_door_and_shows_its_own_decisions() -> None:
    mine, my_hash = new_key()
    async with maek_with_simulators(SIM, keys=[my_hash]) as (router, _):
        await router.post("/chat", {"message": "안녕"}, headers={"authorization": f"Bearer {mine}"})
        code, text, _ = await explained(router, MAEK_KEY=mine)
    assert (code, text[:8]) == (0, "Decision")
    assert mine not in text
