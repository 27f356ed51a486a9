"""The tools there are: a literal map, nothing is discovered.

Rules of this file
- A new tool is a file and a line. What it needs of the outside comes in by `ToolSettings`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from router.tools import calendars, documents, infra, mail
from router.tools.agenda.store import Agenda
from router.tools.documents.archive import Archive
from router.tools.infra import InfraSettings
from router.tools.letters import Mailboxes
from router.tools.reach import CheckService, reach_nothing
from router.tools.spec import Tool


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """What the operator configured for the tools, and what they are lent."""

    infra: InfraSettings = field(default_factory=InfraSettings)
    check_service: CheckService = reach_nothing
    calendar: Agenda | None = None
    """None: the calendar is not configured."""
    archive: Archive | None = None
    document_models: documents.DocumentModels = field(default_factory=documents.DocumentModels)
    mailboxes: Mailboxes | None = None


BUILDERS: Mapping[str, Callable[[ToolSettings], Tool]] = {
    calendars.NAME: lambda settings: calendars.build(settings.calendar),
    mail.NAME: lambda settings: mail.build(settings.mailboxes),
    documents.NAME: lambda settings: documents.build(settings.archive, settings.document_models),
    infra.NAME: lambda settings: infra.build(settings.infra, settings.check_service),
}


def build(settings: ToolSettings | None = None) -> Mapping[str, Tool]:
    """Every tool by name, in the order of the map."""
    chosen = settings or ToolSettings()
    return {name: builder(chosen) for name, builder in BUILDERS.items()}
