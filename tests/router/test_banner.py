"""What a person reads after `maek serve`."""

from router.banner import banner
from simulator import SimSettings
from tests.fakes.routers import config_for, maek, maek_with_simulators
from tests.fakes.waiting import until


async def test_it_names_the_backends_the_roles_and_a_command_to_try() -> None:
    async with maek_with_simulators(SimSettings()) as (router, urls):
        text = banner(router.house.current.service, router.url)
    assert text.startswith(f"Maek listens on {router.url}\n")
    assert f"sim0                 OpenAI-compatible        {urls[0]}  up" in text
    assert "reasoner             sim0 (sim-large-32b)" in text
    assert f"curl {router.url}/chat" in text
    assert "simulator answers" not in text


async def test_it_says_in_both_languages_that_the_simulator_answers() -> None:
    async with maek(config_for()) as router:
        text = banner(router.house.current.service, router.url)
    assert "the built-in simulator answers" in text
    assert "내장 시뮬레이터가 대신 답합니다" in text


async def test_a_role_that_nobody_serves_says_how_to_give_it_to_somebody() -> None:
    dead = {"name": "dead", "url": "http://127.0.0.1:9", "models": {"reasoner": "m"}}
    async with maek(config_for([dead])) as router:
        await until(lambda: router.house.snapshot().backends["dead"].health_at is not None)
        text = banner(router.house.current.service, router.url)
    assert "http://127.0.0.1:9  down" in text
    assert "nobody: name one with models: {classifier: MODEL} in config.yaml" in text
