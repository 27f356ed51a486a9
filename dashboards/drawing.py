"""A page as Grafana's classic JSON wants it, by Grafana's own library.

Rules of this file
- Pure, and the only file that knows how Grafana draws. What is drawn stands in the pages.
- Everything is given by the page: no panel may be edited in place, for it would be overwritten.
"""

import json
from collections.abc import Iterator

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import heatmap, stat, statetimeline, text, timeseries
from grafana_foundation_sdk.builders import prometheus as prometheus_builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import text as text_models
from grafana_foundation_sdk.models.prometheus import Dataquery, PromQueryFormat

from dashboards.frame import SOURCE, frame
from dashboards.panel import Look, Page, Panel, Query, Row, Word
from dashboards.runbooks import address

COLUMNS = 24
SERVER = "{{backend}}"
"""In the name of a series: it is of one server."""
ONE_SERVER = "/d/maek-backend?${datasource:queryparam}&var-backend=${__field.labels.backend}&from=${__from}&to=${__to}"
"""Where a series leads that is of one server."""
HIDDEN = dashboard.DashboardLinkPlacement.IN_CONTROLS_MENU


def drawn(page: Page) -> str:
    """The file of one dashboard."""
    whole = frame(page)
    whole.panels = list(_placed(page.rows))
    plain = json.loads(JSONEncoder().encode(whole), object_hook=shown)
    return json.dumps(plain, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def shown(part: dict[str, object]) -> dict[str, object]:
    """A part of a dashboard where it is seen: the library hides every link, choice and mark in a menu, and lets nobody
    say otherwise."""
    return {key: value for key, value in part.items() if (key, value) != ("placement", HIDDEN)}


def _placed(rows: tuple[Row, ...]) -> Iterator[dashboard.Panel | dashboard.RowPanel]:
    """Rows below one another, the panels of each from left to right; numbered from 1."""
    number = top = 0
    for row in rows:
        number += 1
        yield dashboard.RowPanel(
            id_val=number, title=row.title, collapsed=False, panels=[], repeat=row.each or None,
            grid_pos=dashboard.GridPos(x=0, y=top, w=COLUMNS, h=1),
        )  # fmt: skip
        top, left, tallest = top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            number += 1
            built = _panel(panel)
            built.id_val = number
            built.grid_pos = dashboard.GridPos(x=left, y=top, w=panel.width, h=panel.height)
            yield built
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest


def _panel(panel: Panel) -> dashboard.Panel:
    built = _LOOKS[panel.look](panel)
    built.title, built.description = panel.title, panel.tells
    if panel.look is Look.TEXT:
        return built
    built.datasource = SOURCE
    built.targets = [_target(panel, query, place) for place, query in enumerate(panel.queries)]
    built.links = [_link(f"What to do: {alert}", address(alert)) for alert in panel.alerts]
    built.field_config = built.field_config or dashboard.FieldConfigSource()
    _fill(built.field_config, panel)
    return built


def _link(title: str, url: str) -> dashboard.DashboardLink:
    link = dashboard.DashboardLinkType.LINK
    return dashboard.DashboardLink(title=title, type_val=link, url=url, icon="doc", target_blank=True)


def _fill(config: dashboard.FieldConfigSource, panel: Panel) -> None:
    """Unit, words, limits: what is the same however a panel looks."""
    fields = config.defaults
    fields.unit, fields.min_val, fields.max_val = panel.unit, 0.0, panel.highest
    fields.no_value = panel.nothing or None
    if any(SERVER in query.legend for query in panel.queries):
        fields.links = [_link("This server, and why", ONE_SERVER)]
    if panel.words:
        fields.mappings = [_mapping(panel.words)]
    if panel.look in {Look.STATES, Look.NUMBER}:
        fields.color = dashboard.FieldColor(mode=dashboard.FieldColorModeId.THRESHOLDS)
    if panel.steps or panel.look in {Look.STATES, Look.NUMBER}:
        steps = [dashboard.Threshold(value=None, color="green")]
        steps += [dashboard.Threshold(value=value, color=colour) for value, colour in panel.steps]
        fields.thresholds = dashboard.ThresholdsConfig(mode=dashboard.ThresholdsMode.ABSOLUTE, steps=steps)
    if panel.dashed:
        dashes = {"fill": "dash", "dash": [8, 8]}
        config.overrides = [
            dashboard.DashboardFieldConfigSourceOverrides(
                matcher=dashboard.MatcherConfig(id_val="byRegexp", options=panel.dashed),
                properties=[
                    dashboard.DynamicConfigValue(id_val="custom.lineStyle", value=dashes),
                    dashboard.DynamicConfigValue(id_val="custom.fillOpacity", value=0),
                ],
            )
        ]


def _mapping(words: tuple[Word, ...]) -> dashboard.ValueMap:
    return dashboard.ValueMap(
        options={
            str(word.value): dashboard.ValueMappingResult(text=word.text, color=word.colour, index=place)
            for place, word in enumerate(words)
        }
    )


def _target(panel: Panel, query: Query, place: int) -> Dataquery:
    target = prometheus_builders.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + place))
    target.datasource(SOURCE)
    if panel.look is Look.NUMBER:
        target.instant()
    else:
        target.range()
    if panel.look is Look.HEAT:
        target.format(PromQueryFormat.HEATMAP).exemplar(True)
    return target.build()


def _lines(panel: Panel) -> dashboard.Panel:
    one = timeseries.Panel().line_width(1).fill_opacity(10).show_points(common.VisibilityMode.NEVER)
    if panel.look is Look.STACKED:
        one.fill_opacity(40).stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if panel.steps:
        one.thresholds_style(common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    one.legend(
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM).show_legend(True)
    )  # fmt: skip
    one.tooltip(
        common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
    )
    return one.build()


def _number(_panel: Panel) -> dashboard.Panel:
    last = common_builders.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)
    return (
        stat.Panel().reduce_options(last).color_mode(common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.NONE).text_mode(common.BigValueTextMode.AUTO)
    ).build()  # fmt: skip


def _states(_panel: Panel) -> dashboard.Panel:
    return (
        statetimeline.Panel().merge_values(True).show_value(common.VisibilityMode.AUTO).row_height(0.8)
        .line_width(0).fill_opacity(80).legend(common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM).show_legend(True))
    ).build()  # fmt: skip


def _heat(panel: Panel) -> dashboard.Panel:
    colours = (
        heatmap.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME).scheme("Turbo").steps(64)
        .fill("dark-orange").exponent(0.5).reverse(False)
    )  # fmt: skip
    return (
        heatmap.Panel().calculate(False).color(colours).y_axis(heatmap.YAxisConfig().unit(panel.unit)).show_legend()
        .exemplars_color("rgba(255,0,255,0.7)")
    ).build()  # fmt: skip


def _text(panel: Panel) -> dashboard.Panel:
    return text.Panel().mode(text_models.TextMode.MARKDOWN).content(panel.text).build()


_LOOKS = {
    Look.LINES: _lines,
    Look.STACKED: _lines,
    Look.NUMBER: _number,
    Look.STATES: _states,
    Look.HEAT: _heat,
    Look.TEXT: _text,
}
