"""The exposition, the rules and their unit tests through promtool; and what real backends do and do not set off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from router.prometheus.alerts import alerts
from router.prometheus.files import SHIPPED, texts
from router.prometheus.rule import Alert
from simulator import Engine, SimSettings, serving
from simulator.faults import Loading, LyingStatus
from tests.fakes.routers import Maek, config_for, maek, maek_with_simulators
from tests.fakes.simulators import set_faults
from tests.fakes.upstreams import free_port
from tests.real_tools import promtool
from tests.real_tools.promtool import Series

pytestmark = pytest.mark.real

RULES = Path(__file__).resolve().parents[2] / "grafana" / "rules"
MINUTES = 15
"""Longer than any alert of a state must hold."""
DEADLINE_SECONDS = 30.0
"""For things that take a few seconds, on machines that are busy."""
NAMES = [rule.name for rule in alerts(SHIPPED).rules if isinstance(rule, Alert)]
UP: Series = ("up", (("job", "maek"), ("instance", "maek:8484")))


async def exposition(router: Maek) -> str:
    async with router.client.get(router.url + "/metrics") as response:
        assert response.status == 200
        return await response.text()


OF_REQUESTS = (
    *("maek_request_duration_seconds_count", "maek_time_to_first_token_seconds_count"),
    *("maek_time_per_output_token_seconds_count", "maek_routing_overhead_seconds_count"),
    *("maek_routing_decisions_total", "maek_routing_exclusions_total", "maek_retries_total", "maek_tokens_total"),
    *("maek_requests_without_usage_total", "maek_probe_duration_seconds_count", "maek_requests_total"),
    *("maek_label_values_folded_total", "maek_sessions"),
)


async def test_what_maek_exports_has_nothing_that_promtool_would_mend() -> None:
    async with maek_with_simulators(SimSettings(), SimSettings()) as (router, urls):
        for message in ("안녕", "양자역학 설명해줘", "오늘 일정"):
            status, _ = await router.post("/chat", {"message": message})
            assert status == 200
        await set_faults(router.client, urls[0], {"error_500": {}})
        question = {"model": "reasoner", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        for _ in range(4):
            async with router.client.post(router.url + "/v1/chat/completions", json=question) as response:
                await response.read()
        text = await exposition(router)
    assert [name for name in OF_REQUESTS if f"\n{name}" not in text] == []
    code, said = await promtool.run("check", "metrics", stdin=text.encode())
    assert (code, said) == (0, "")


async def test_every_rule_can_be_read_by_prometheus() -> None:
    code, said = await promtool.run("check", "rules", *map(str, sorted(RULES.glob("*.yaml"))))
    assert code == 0, said


async def test_every_alert_fires_and_does_not_fire_as_its_unit_tests_say() -> None:
    code, said = await promtool.run("test", "rules", *map(str, sorted((RULES / "tests").glob("*.yaml"))))
    assert code == 0, said


async def test_a_unit_test_fails_where_an_alert_is_broken(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    for name, text in texts().items():
        (tmp_path / name).write_text(text.replace("maek_backend_load == 3", "maek_backend_load == 2"), "utf-8")
    unit_tests = tmp_path / "tests" / "alerts.yaml"
    shipped = yaml.safe_load((RULES / "tests" / "alerts.yaml").read_text("utf-8"))
    of_it = [test for test in shipped["tests"] if test["name"].startswith("MaekBackendVeryBusy")]
    unit_tests.write_bytes(orjson.dumps(shipped | {"tests": of_it}))
    code, said = await promtool.run("test", "rules", str(unit_tests))
    assert code == 1
    assert "MaekBackendVeryBusy: for more than ten minutes" in said


def series_of(text: str) -> dict[Series, float]:
    """Every sample as Prometheus would keep it."""
    target = (("job", "maek"), ("instance", "maek:8484"))
    return {
        (sample.name, (*target, *sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def firing(folder: Path, *scrapes: str) -> set[str]:
    """The alerts that fire at any time if each of these scrapes is what Prometheus sees for a quarter of an hour.

    promtool tells by complaining, because none was expected."""
    for name, rules in texts().items():
        (folder / name).write_text(rules, "utf-8")
    moments = [series_of(text) | {UP: 1.0} for text in scrapes for _ in range(MINUTES)]
    wanted = [
        {"alertname": name, "eval_time": f"{minute}m", "exp_alerts": []}
        for name in NAMES
        for minute in range(len(moments))
    ]
    test = {"interval": "1m", "input_series": promtool.told(moments), "alert_rule_test": wanted}
    order = [yaml.safe_load(rules)["groups"][0]["name"] for rules in texts().values()]
    asked = {"rule_files": [*texts()], "evaluation_interval": "1m", "group_eval_order": order, "tests": [test]}
    file = folder / "alerts_test.yaml"
    file.write_bytes(orjson.dumps(asked))  # JSON is YAML
    code, said = await promtool.run("test", "rules", str(file))
    found = {name for name in NAMES if f"alertname: {name}," in said}
    assert code == bool(found), said
    return found


@asynccontextmanager
async def fleet(*settings: SimSettings, **router: Any) -> AsyncIterator[tuple[Maek, list[str]]]:
    """As after the start of `maek serve`, with backends that have been seen."""
    async with maek_with_simulators(*settings, **router) as (running, urls):
        yield running, urls


async def until_said(router: Maek, *samples: str) -> str:
    """The first scrape that has all of these lines."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            text = await exposition(router)
            if {*samples} <= {*text.splitlines()}:
                return text
            await asyncio.sleep(0.02)


async def test_nothing_fires_while_all_is_well(tmp_path: Path) -> None:
    async with fleet(SimSettings(), SimSettings()) as (router, _):
        await router.post("/chat", {"message": "양자역학 설명해줘"})
        assert await firing(tmp_path, await exposition(router)) == set()


async def test_a_backend_that_nobody_started_is_down_and_nobody_serves_its_role(tmp_path: Path) -> None:
    gone = {"name": "gone", "url": f"http://127.0.0.1:{free_port()}", "models": {"reasoner": "sim-large-32b"}}
    async with serving(SimSettings()) as url:
        small = {"name": "small", "url": url, "models": {"classifier": "sim-small-1b"}}
        async with maek(config_for([gone, small])) as router:
            text = await until_said(router, 'maek_backend_state{backend="gone",state="down"} 1.0')
    assert await firing(tmp_path, text) == {"MaekBackendDown", "MaekNoBackendForRole"}


async def test_backends_that_load_are_not_down_but_nobody_is_there(tmp_path: Path) -> None:
    async with fleet(SimSettings(faults=(Loading(),))) as (router, _):
        text = await until_said(router, 'maek_backend_state{backend="sim0",state="loading"} 1.0')
    assert await firing(tmp_path, text) == {"MaekNoBackendForRole"}


async def test_one_that_says_it_has_far_too_much_to_do_wakes_nobody_up_while_nobody_waits(tmp_path: Path) -> None:
    async with fleet(SimSettings(Engine.VLLM, slots=4, faults=(LyingStatus(active_jobs=5000),))) as (router, _):
        text = await until_said(router, 'maek_backend_load{backend="sim0"} 3.0')
    assert await firing(tmp_path, text) == {"MaekBackendVeryBusy"}
