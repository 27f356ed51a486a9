"""Tools of other packages: real entry points, in a folder of the test's own."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.config_load import loads
from router.config_tools.plugins import installed
from router.errors import ToolFailed
from router.toolbox import toolbox
from router.tools.call import call
from router.tools.plugins import PluginUnusable, built, plugged
from sidecar import ConfigInvalid
from tests.router.tools.given import ctx

GOOD = """
from router.tools.parameters import NoParams
from router.tools.spec import Operation, Tool, ToolResult

def build(options):
    async def today(call, params):
        return ToolResult(f"{options.get('city', '?')}: sunny", {})
    return Tool("weather", "날씨", "weather", {"today": Operation("today", "오늘", "today", NoParams, today)})
"""
OF_ANOTHER_NAME = GOOD.replace('Tool("weather"', 'Tool("wether"')
MISNAMED = GOOD.replace('{"today":', '{"now":')
NO_TOOL = "def build(options):\n    return 5\n"
BROKEN = "def build(options):\n    raise KeyError('city')\n"
NO_MODULE = "import there_is_no_such_module\n"

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package that offers `weather`, with this source."""

    def installed_with(source: str) -> None:
        (tmp_path / "maek_weather.py").write_text(source, encoding="utf-8")
        about = tmp_path / "maek_weather-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: maek-weather\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[maek.tools]\nweather = maek_weather:build\n")
        monkeypatch.syspath_prepend(str(tmp_path))

    yield installed_with
    sys.modules.pop("maek_weather", None)


def config(plugins: str) -> str:
    return f"router:\n  tools:\n    plugins: {plugins}\n"


def nobody() -> None:
    raise AssertionError("nothing is asked while tools are built")


async def test_a_plugin_that_is_named_is_a_tool_with_its_options(install: Install) -> None:
    install(GOOD)
    tools = toolbox(loads(config("{weather: {city: Seoul}}")), nobody)  # type: ignore[arg-type]
    assert list(tools) == ["calendar", "email", "document", "infra", "weather"]
    assert (await call(tools, "weather", "today", {}, ctx())).text == "Seoul: sunny"


def test_a_plugin_that_is_only_installed_does_nothing(install: Install) -> None:
    install(BROKEN)
    assert "weather" in installed()
    assert "weather" not in toolbox(loads(""), nobody)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (OF_ANOTHER_NAME, "the tool that its function returned is named wether"),
        (MISNAMED, "operations under another name than their own: now"),
        (NO_TOOL, "its function returned int"),
    ],
)
def test_what_is_no_tool_of_that_name_is_said(install: Install, source: str, problem: str) -> None:
    install(source)
    with pytest.raises(PluginUnusable, match=problem):
        built("weather", {})


def test_one_that_went_since_the_configuration_was_read_is_said() -> None:
    with pytest.raises(PluginUnusable, match="no installed package offers gone"):
        built("gone", {})


@pytest.mark.parametrize("source", [BROKEN, NO_MODULE, NO_TOOL])
async def test_a_plugin_that_breaks_is_listed_as_not_set_up_and_is_in_the_log(
    install: Install, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    install(source)
    tools = plugged({"weather": {}})
    assert not tools["weather"].configured
    assert caplog.records[0].getMessage() == "plugin unusable tool=weather"
    assert caplog.records[0].exc_info is not None
    with pytest.raises(ToolFailed):
        await call(tools, "weather", "today", {}, ctx())


@pytest.mark.parametrize(
    ("plugins", "problem"),
    [
        ("{calendar: {}}", 'found "calendar"; wanted a name that none of Maek\'s own tools has'),
        ("{wether: {}}", 'found "wether"; wanted weather (the nearest that an installed package offers)'),
        ("{zzz: {}}", 'found "zzz"; wanted a tool that an installed package offers (weather)'),
    ],
)
def test_a_name_that_nobody_offers_is_refused_with_what_there_is(install: Install, plugins: str, problem: str) -> None:
    install(GOOD)
    with pytest.raises(ConfigInvalid) as refused:
        loads(config(plugins))
    assert problem in str(refused.value)


def test_where_nothing_is_installed_that_is_said() -> None:
    with pytest.raises(ConfigInvalid, match="none is installed"):
        loads(config("{weather: {}}"))
