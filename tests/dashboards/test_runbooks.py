import re
from pathlib import Path

from dashboards.runbooks import ORDER, address, runbooks, sections
from tests.dashboards.asked import dashboards, panels

ROOT = Path(__file__).parents[2]


def test_every_section_on_an_alert_is_a_panel_in_the_order_of_the_page() -> None:
    page = (ROOT / "docs" / "runbooks.md").read_text("utf-8")
    written = re.findall(r"^## (Maek\w+)$", page, re.MULTILINE)
    assert list(sections()) == written
    assert [panel["title"] for panel in panels(dashboards()["maek-runbooks"])] == written


def test_links_between_runbooks_stay_links_and_those_to_files_become_words() -> None:
    texts = " ".join(panel.text for panel in runbooks().rows[0].panels)
    assert f"[MaekBackendDown]({address('MaekBackendDown')})" in texts
    assert all(target.startswith(("/d/", "http")) for target in re.findall(r"\]\(([^)]+)\)", texts))


def test_the_number_in_an_address_is_that_of_the_panel() -> None:
    numbers = {panel["title"]: panel["id"] for panel in panels(dashboards()["maek-runbooks"])}
    assert numbers == ORDER
