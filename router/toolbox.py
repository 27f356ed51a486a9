"""The tools of a configuration: each gets what it needs of the outside, and its own section of the file.

Rules of this file
- One small function a tool, from its section to what it is built of; no I/O: nothing is opened before it is used.
"""

from collections.abc import Callable, Mapping

import aiohttp

from router.config import Config
from router.config_tools.calendars import CalendarKind
from router.documents.local import local_archive
from router.tools.calendar_files import CalendarFiles
from router.tools.infra import Host, InfraSettings
from router.tools.plugins import plugged
from router.tools.reach import http_checker
from router.tools.registry import ToolSettings, build
from router.tools.spec import Tool


def toolbox(config: Config, http: Callable[[], aiohttp.ClientSession]) -> Mapping[str, Tool]:
    """Every tool by name, as this configuration has it. `http` lends the session for questions to other servers."""
    own = build(ToolSettings(_infra(config), http_checker(http), _calendar(config), local_archive(config)))
    return {**own, **plugged(config.router.tools.plugins)}


def _infra(config: Config) -> InfraSettings:
    infra = config.router.tools.infra
    hosts = {name: Host(tuple(host.backends), host.local) for name, host in infra.hosts.items()}
    return InfraSettings(hosts, {name: service.url for name, service in infra.services.items()})


def _calendar(config: Config) -> CalendarFiles | None:
    if config.router.tools.calendar.kind is CalendarKind.NONE:
        return None
    return CalendarFiles(config.router.data_folder(), config.router.zone)
