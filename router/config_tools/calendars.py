"""What an operator sets for the calendar."""

from enum import StrEnum
from typing import Annotated

from sidecar.config import ByName, Section


class CalendarKind(StrEnum):
    """Where entries are kept."""

    LOCAL = "local"
    NONE = "none"


class CalendarConfig(Section):
    """The calendar."""

    kind: Annotated[CalendarKind, ByName] = CalendarKind.LOCAL
    """local: an iCalendar file for each key, in the data folder; none: there is no calendar, and Maek says so."""
