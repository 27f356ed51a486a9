"""What all dashboards have in common: what can be chosen at the top, what is marked in them, the way to the others.

Rules of this file
- Pure. A file names no server of anybody: the source of the data is chosen at the top.
"""

from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards.names import HERE, series
from dashboards.panel import Page
from sidecar import Level

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "maek"
ALL = ".*"
"""What a variable is where everything is chosen. Also what has no such label is in then."""
WHERE = {
    "job": ("maek_build_info", ()),
    "instance": ("maek_build_info", ("job",)),
    "backend": ("maek_backend_in_flight", HERE),
    "model": ("maek_time_to_first_token_seconds_count", (*HERE, "backend")),
}
"""Of each variable the metric whose labels it takes its values from, and the variables that it depends on."""


def frame(page: Page) -> dashboard.Dashboard:
    """A dashboard without panels."""
    return dashboard.Dashboard(
        uid=page.uid,
        title=page.title,
        description=page.about,
        tags=[TAG],
        timezone="browser",
        editable=False,
        graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
        time=dashboard.DashboardDashboardTime(from_val="now-1h", to="now"),
        refresh="30s",
        version=1,
        templating=dashboard.DashboardDashboardTemplating(list_val=[_source(), *map(_choice, page.choices)]),
        annotations=dashboard.AnnotationContainer(list_val=_marks() if page.choices else []),
        links=[_others()],
    )


def _source() -> dashboard.VariableModel:
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.DATASOURCE, name="datasource", label="Prometheus", query="prometheus",
        description="Where the figures come from.", refresh=dashboard.VariableRefresh.ON_DASHBOARD_LOAD,
    )  # fmt: skip


def _choice(label: str) -> dashboard.VariableModel:
    name, dependent = WHERE[label]
    selector = ", ".join(f'{one}=~"${one}"' for one in dependent)
    query = f"label_values({name}{{{selector}}}, {label})" if selector else f"label_values({name}, {label})"
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.QUERY, name=label, label=label.capitalize(), datasource=SOURCE,
        query={"query": query, "refId": f"variable-{label}"}, definition=query,
        refresh=dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED, sort=dashboard.VariableSort.ALPHABETICAL_ASC,
        multi=True, include_all=True, all_value=ALL,
        current=dashboard.VariableOption(selected=True, text=["All"], value=["$__all"]),
    )  # fmt: skip


def _marks() -> list[dashboard.AnnotationQuery]:
    """What happened, as lines through all panels. A moment that a metric tells is taken from its value."""
    return [
        _mark(
            "Very busy", "red", f"{series('maek_backend_load')} == {Level.VERY_BUSY:d}",
            "{{backend}} is very busy",
        ),
        _mark(
            "Configuration taken up", "blue",
            f"{series('maek_config_last_reload_success_timestamp_seconds')} * 1000",
            "{{instance}} took its configuration up", told_by_value=True,
        ),
        _mark(
            "Configuration refused", "orange", f"{series('maek_config_last_reload_success')} == bool 0",
            "{{instance}} runs with its old configuration: the file is broken",
        ),
        _mark(
            "Maek started", "purple", f"{series('process_start_time_seconds')} * 1000",
            "{{instance}} started", told_by_value=True,
        ),
    ]  # fmt: skip


def _mark(name: str, colour: str, expr: str, title: str, *, told_by_value: bool = False) -> dashboard.AnnotationQuery:
    return dashboard.AnnotationQuery(
        name=name, datasource=SOURCE, enable=True, hide=False, icon_color=colour, expr=expr, step="15s",
        title_format=title, use_value_for_time=told_by_value,
    )  # fmt: skip


def _others() -> dashboard.DashboardLink:
    """The other dashboards of Maek, at the time and with the choice of this one."""
    return dashboard.DashboardLink(
        title="Maek", type_val=dashboard.DashboardLinkType.DASHBOARDS, icon="dashboard", tags=[TAG], as_dropdown=False,
        tooltip="", target_blank=False, keep_time=True, include_vars=True,
    )  # fmt: skip
