"""Every panel of every dashboard, asked of a real Prometheus that watched a real Maek through a storm."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from router.prometheus.chosen import Chosen
from router.prometheus.files import write
from tests.dashboards.asked import asked
from tests.real_tools import promtool
from tests.real_tools.prometheus import Prometheus
from tests.real_tools.storm import calm, rage

pytestmark = pytest.mark.real

GRAFANA = Path(__file__).parents[2] / "grafana"
FASTER = 30
"""Windows of five minutes are ten seconds long in the rules of this test."""
LATE_SECONDS = 0.025
"""A first token that takes longer is late, in the rules of this test: nearly every one is."""
QUIET = {
    "Bugs",
    "Jobs tried again, and webhooks",
    "Lines that the flight recorder lost",
    "Loads that disagree",
    "Names folded into `other`",
    "Servers of others that offer tools",
}
"""What the storm does not bring about: there 0 is the truth."""


@asynccontextmanager
async def stormy(folder: Path) -> AsyncIterator[tuple[Prometheus, float]]:
    """A Prometheus that has seen it all, and when it began."""
    write(folder / "rules", Chosen(first_token_seconds=LATE_SECONDS, faster=FASTER))
    began = time.time()  # noqa: TID251 - Prometheus is asked by the time of day
    async with calm(folder, folder / "rules") as storm:
        await rage(storm)
        ended = time.time()  # noqa: TID251 - as above
        await storm.seen(f"min(timestamp(backend:maek_backend_load:computed)) > {ended + 2}")
        yield storm.prometheus, began


async def values(found: Prometheus, expr: str, began: float) -> list[float]:
    """All values that a panel would draw of one question, from the beginning of the storm to now."""
    now = time.time()  # noqa: TID251 - as above
    data: dict[str, Any] = await found.ask("query_range", query=expr, start=f"{began}", end=f"{now}", step="500ms")
    return [float(value) for one in data["result"] for _, value in one["values"]]


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_after_a_storm_no_panel_of_any_dashboard_is_empty(tmp_path: Path) -> None:
    async with stormy(tmp_path) as (found, began):
        told = {question: await values(found, question.expr, began) for question in asked()}
    empty = [question for question, seen in told.items() if not seen or all(map(isnan, seen))]
    assert empty == []
    panels = {question.panel for question in told}
    shown = {question.panel for question, seen in told.items() if any(value > 0 for value in seen)}
    assert panels - shown - QUIET == set()
    assert "Loads that disagree" not in shown


async def test_the_configuration_of_prometheus_with_the_rules_is_one(tmp_path: Path) -> None:
    code, said = await promtool.run("check", "config", str(GRAFANA / "prometheus.yml"))
    assert code == 0, said
