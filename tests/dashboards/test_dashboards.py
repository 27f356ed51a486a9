import itertools
import json
from typing import Any

import pytest
from grafana_foundation_sdk.models import units

from dashboards.drawing import COLUMNS, drawn
from dashboards.files import PAGES
from dashboards.names import ALERTS
from dashboards.panel import Page, Panel, Query, Row
from tests.dashboards.asked import FILES, dashboards, panels
from tests.dashboards.grafana_schema import problems, read

UNITS = {value for value in vars(units).values() if isinstance(value, str)}
every_dashboard = pytest.mark.parametrize("uid", [page.uid for page in PAGES])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_is_what_grafanas_schema_says(file: Any) -> None:
    assert problems(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"refresh": "30s"', '"refresh": 30'),
        ('"mode": "thresholds"', '"mode": "treshold"'),
        ('"editable": false', '"editabel": false'),
        ('"stacking": {', '"stackin": {'),
        ('"asDropdown": false', '"asDropdown": 1'),
        ('"h": 8', '"h": "8"'),
        ('"color": "green"', '"colour": "green"'),
    ],
)
def test_what_is_not_as_the_schema_says_is_noticed(right: str, wrong: str) -> None:
    text = drawn(PAGES[0])
    assert right in text
    assert problems(text.replace(right, wrong)) != []


@every_dashboard
def test_it_can_be_found_again_and_is_changed_in_the_code_alone(uid: str) -> None:
    one = dashboards()[uid]
    assert one["editable"] is False
    assert one["schemaVersion"] == read(drawn(PAGES[0])).schema_version >= 42
    assert one["tags"] == ["maek"]
    assert "id" not in one


def test_there_are_the_four_and_the_runbooks() -> None:
    assert set(dashboards()) == {"maek-overview", "maek-backend", "maek-latency", "maek-itself", "maek-runbooks"}
    assert {file.stem for file in FILES} == set(dashboards())


@every_dashboard
def test_everything_in_it_is_somewhere_and_nothing_is_upon_something_else(uid: str) -> None:
    places = [panel["gridPos"] for panel in dashboards()[uid]["panels"]]
    cells = [
        (x, y)
        for place in places
        for x, y in itertools.product(
            range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        )
    ]
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(COLUMNS))
    numbers = [panel["id"] for panel in dashboards()[uid]["panels"]]
    assert numbers == list(range(1, len(numbers) + 1))


@every_dashboard
def test_every_panel_says_what_to_think_of_it_and_in_which_unit_it_is(uid: str) -> None:
    for panel in panels(dashboards()[uid]):
        assert panel["title"]
        assert len(panel["description"].split()) >= 4, panel["title"]
        assert panel["description"].endswith((".", "fires."))
        if panel["type"] != "text":
            assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
            assert panel["targets"]
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_what_takes_time_is_shown_in_seconds_and_what_is_a_part_in_percent() -> None:
    for one in dashboards().values():
        for panel in panels(one):
            for target in panel.get("targets", ()):
                unit = panel["fieldConfig"]["defaults"]["unit"]
                if ":ratio_" in target["expr"]:
                    assert unit == units.PercentUnit, panel["title"]
                if "_seconds" in target["expr"] and "load_signal" not in target["expr"]:
                    assert unit in (units.Seconds, units.DateTimeFromNow, units.Short), panel["title"]


@pytest.mark.parametrize("uid", [page.uid for page in PAGES if page.choices])
def test_the_source_and_everything_else_can_be_chosen_and_all_is_chosen_at_first(uid: str) -> None:
    source, *others = dashboards()[uid]["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    for variable in others:
        assert (variable["type"], variable["multi"], variable["includeAll"]) == ("query", True, True)
        assert variable["allValue"] == ".*"
        assert variable["current"]["value"] == ["$__all"]
        assert variable["query"]["query"].startswith("label_values(maek_")


@pytest.mark.parametrize("uid", [page.uid for page in PAGES if page.choices])
def test_it_marks_what_happened(uid: str) -> None:
    marks = {mark["name"]: mark for mark in dashboards()[uid]["annotations"]["list"]}
    assert set(marks) == {"Very busy", "Configuration taken up", "Configuration refused", "Maek started"}
    assert marks["Maek started"]["useValueForTime"] is True
    assert marks["Maek started"]["expr"].endswith("* 1000")


@every_dashboard
def test_it_leads_to_the_others_at_the_same_time_with_the_same_choice(uid: str) -> None:
    (link,) = dashboards()[uid]["links"]
    assert (link["type"], link["tags"], link["keepTime"], link["includeVars"]) == ("dashboards", ["maek"], True, True)
    assert "placement" not in link


def test_a_panel_leads_to_the_runbook_that_it_names() -> None:
    runbooks = {str(panel["id"]): panel["title"] for panel in panels(dashboards()["maek-runbooks"])}
    links = [link for one in dashboards().values() for panel in panels(one) for link in panel.get("links", ())]
    assert links
    for link in links:
        path, _, number = link["url"].partition("?viewPanel=")
        assert path == "/d/maek-runbooks"
        assert link["title"] == f"What to do: {runbooks[number]}"


def test_a_series_of_one_server_leads_to_that_server() -> None:
    load = next(panel for panel in panels(dashboards()["maek-overview"]) if panel["title"] == "Load")
    (link,) = load["fieldConfig"]["defaults"]["links"]
    path, _, query = link["url"].partition("?")
    assert path.removeprefix("/d/") in dashboards()
    assert "var-backend=${__field.labels.backend}" in query
    for one in dashboards().values():
        for panel in panels(one):
            of_servers = any("{{backend}}" in target["legendFormat"] for target in panel.get("targets", ()))
            assert of_servers == ("links" in panel.get("fieldConfig", {}).get("defaults", {})), panel["title"]


def test_every_alert_has_its_runbook_and_a_panel_that_leads_there() -> None:
    told = {panel["title"] for panel in panels(dashboards()["maek-runbooks"])}
    led = {
        link["title"].removeprefix("What to do: ")
        for one in dashboards().values()
        for panel in panels(one)
        for link in panel.get("links", ())
    }
    assert told >= set(ALERTS)
    assert led == set(ALERTS)


def test_a_row_for_each_server_is_there_once_and_grafana_repeats_it() -> None:
    rows = [panel for panel in dashboards()["maek-backend"]["panels"] if panel["type"] == "row"]
    assert [row["repeat"] for row in rows] == ["backend", "backend"]


def test_panels_stand_beside_one_another_until_there_is_no_room() -> None:
    sizes = ((12, 3), (12, 5), (8, 2))
    three = tuple(Panel(title="", tells="", width=width, height=height) for width, height in sizes)
    page = Page(uid="u", title="t", about="a", rows=(Row(title="r", panels=three), Row(title="s", panels=())))
    placed = [panel["gridPos"] for panel in json.loads(drawn(page))["panels"]]
    assert [(place["x"], place["y"]) for place in placed] == [(0, 0), (0, 1), (12, 1), (0, 6), (0, 8)]


def test_words_steps_limits_and_the_highest_value_are_drawn() -> None:
    panel = Panel(
        title="t", tells="d", queries=(Query("up", "a"),), steps=((5.0, "red"),), dashed="limit", highest=1.0,
        nothing="-",
    )  # fmt: skip
    page = Page(uid="u", title="t", about="a", rows=(Row(title="r", panels=(panel,)),))
    fields = json.loads(drawn(page))["panels"][1]["fieldConfig"]
    assert fields["defaults"]["thresholds"]["steps"] == [
        {"color": "green", "value": None},
        {"color": "red", "value": 5.0},
    ]
    assert (fields["defaults"]["max"], fields["defaults"]["noValue"]) == (1.0, "-")
    assert fields["overrides"][0]["matcher"] == {"id": "byRegexp", "options": "limit"}
