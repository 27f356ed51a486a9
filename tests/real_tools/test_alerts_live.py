"""Every alert, set off by real trouble before a real Prometheus; its runbook read and followed; and then it is over."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from router.prometheus.alerts import alerts
from router.prometheus.files import texts
from router.prometheus.rule import Alert
from tests.fakes.processes import maek_command
from tests.real_tools import rehearsal, runbooks
from tests.real_tools.rehearsal import CHOSEN, Rehearsal

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

DEADLINE_SECONDS = 180.0
"""For what takes an eighth of that, on machines that are busy."""
ROUTER_DOWN = "MaekRouterDown"
EXPECTED: Mapping[str, tuple[str, str]] = {
    ROUTER_DOWN: ("instance", "frail"),
    "MaekNoBackendForRole": ("role", "spare"),
    "MaekBackendDown": ("backend", "gone"),
    "MaekBackendFlapping": ("backend", "flappy"),
    "MaekBackendVeryBusy": ("backend", "crowded"),
    "MaekAllBackendsVeryBusy": ("role", "crowded"),
    "MaekBackendStuck": ("backend", "stuck"),
    "MaekBreakerOpen": ("backend", "broken"),
    "MaekActiveDivergence": ("backend", "stuck"),
    "MaekProbeStale": ("backend", "unseen"),
    "MaekStatsSourceFailing": ("backend", "mute"),
    "MaekLoadMismatch": ("backend", "unsaid"),
    "MaekEventLoopStalled": ("instance", "frail"),
    "MaekLabelFolding": ("label", "model"),
    "MaekErrorBudgetBurn": ("instance", "maek"),
    "MaekErrorBudgetSlowBurn": ("instance", "maek"),
    "MaekTTFTBudgetBurn": ("model", "sim-large-32b"),
    "MaekRejecting": ("instance", "maek"),
    "MaekDecideFallback": ("instance", "maek"),
    "MaekConfigReloadFailed": ("instance", "frail"),
}
"""What tells whom an alert is about, and who that is here."""
OF_THE_FRAIL = {alert for alert, about in EXPECTED.items() if about == ("instance", "frail")}


def about(there: Rehearsal, alert: str) -> tuple[str, str, str]:
    """An alert as Prometheus would tell it."""
    label, value = EXPECTED[alert]
    instances = {"maek": there.maek.url, "frail": there.frail.url}
    return alert, label, instances[value].removeprefix("http://") if label == "instance" else value


async def firing(there: Rehearsal) -> set[tuple[str, str, str]]:
    """Every alert that fires, once for each of its labels."""
    found = await there.prometheus.alerts()
    for alert in found:
        name = alert["labels"]["alertname"]
        assert alert["annotations"]["runbook_url"] == f"{CHOSEN.runbooks}#{name.lower()}"
    return {(one["labels"]["alertname"], label, value) for one in found for label, value in one["labels"].items()}


async def until_fired(there: Rehearsal, names: set[str]) -> None:
    """Each of them has fired, at whatever time."""
    wanted = {about(there, name) for name in names}
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while wanted:
                wanted -= await firing(there)
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise AssertionError(f"never fired: {wanted}") from None


async def until_quiet(there: Rehearsal) -> None:
    """None of them fires any more. On a machine that is busy Maek may really be late, which is no trouble of ours."""
    expected = {about(there, name) for name in EXPECTED}
    still = expected
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while still:
                still = expected & await firing(there)
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise AssertionError(f"still fires: {still}") from None


async def curl(url: str) -> str:
    """What curl would print."""
    try:
        async with aiohttp.ClientSession() as client, client.get(url) as response:
            return await response.text()
    except aiohttp.ClientConnectorError as problem:
        return f"curl: (7) Failed to connect to {problem.host} port {problem.port}"


async def printed(there: Rehearsal, program: str, arguments: tuple[str, ...], frail: bool) -> str:
    """What a command of an example prints to the operator of one of the two Maeks."""
    if program == "curl":
        url = (there.frail if frail else there.maek).url
        (asked,) = (word for word in arguments if word.startswith(runbooks.URL))
        return await curl(url + asked.removeprefix(runbooks.URL))
    assert program == "maek"
    folder = there.folder / ("frail" if frail else "maek")
    try:
        _, out, err = await maek_command(*arguments, cwd=folder, environ={"LANG": "en_US.UTF-8"})
    except TimeoutError:
        return ""  # a machine that is so busy; it is asked again
    return out + err


async def follow(there: Rehearsal, names: set[str]) -> None:
    """The examples of these sections show what the page shows; a command that several have is run once for all of them.

    What they show comes and goes, so that they are tried again."""
    left = [(example, example.shown) for example in runbooks.examples() if example.alert in names]
    said: dict[str, str] = {}
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while left:
                anew: dict[str, str] = {}
                for example, _ in left:
                    program, *arguments = example.words()
                    frail = example.alert in OF_THE_FRAIL
                    command = f"{frail} {example.words()}"
                    if command not in anew:
                        anew[command] = await printed(there, program, tuple(arguments), frail)
                said = anew  # of a whole round, for who has to be told what was printed instead
                left = [
                    (example, missing)
                    for example, _ in left
                    if (missing := example.missing(said[f"{example.alert in OF_THE_FRAIL} {example.words()}"]))
                ]
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise AssertionError(f"not shown: {left}, but: {said}") from None


def test_every_alert_is_rehearsed_and_every_section_has_an_example() -> None:
    names = {alert.name for alert in alerts(CHOSEN).rules if isinstance(alert, Alert)}
    assert EXPECTED.keys() == names
    assert {example.alert for example in runbooks.examples()} == names


def test_the_rehearsal_has_the_rules_that_are_shipped_but_for_their_times() -> None:
    assert [text.count("\n") for text in texts(CHOSEN).values()] == [text.count("\n") for text in texts().values()]


@pytest.mark.alone
async def test_every_alert_fires_on_its_trouble_is_told_of_by_its_runbook_and_ends_with_the_remedy(
    tmp_path: Path,
) -> None:
    others = EXPECTED.keys() - {ROUTER_DOWN}
    async with rehearsal.rehearsal(tmp_path) as there:
        await rehearsal.until_watched(there)
        await rehearsal.make_trouble(there)
        await until_fired(there, set(others))
        await follow(there, set(others))
        await rehearsal.remedy(there)
        await rehearsal.switch_off(there)
        await until_fired(there, {ROUTER_DOWN})
        await follow(there, {ROUTER_DOWN})
        await rehearsal.switch_on(there)
        await until_quiet(there)
