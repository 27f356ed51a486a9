"""What the model tells apart.

Rules of this file
- The words are the artefact's and the training data's. Only `ACCEPTED` ones ever decide; the others are there because
  a model that knows what lies near a border draws it better than one that knows a single "something else".
"""

from enum import StrEnum


class Label(StrEnum):
    """A kind of message."""

    DIRECT = "direct"
    """Small talk with the assistant, how somebody feels, who the assistant is."""
    CALENDAR_QUERY = "cal_query"
    CALENDAR_CREATE = "cal_create"
    MAIL_QUERY = "mail_query"
    MAIL_SEND = "mail_send"
    NEAR = "near"
    """Beside the tools: changing entries, managing mail, alarms and reminders, lists, bookings."""
    ADVICE = "advice"
    """Talk that wants an answer: questions and orders among people."""
    COMPLEX = "complex"
    """Work on a text that may itself look like a request, and several requests in one."""
    OTHER = "other"
    """The rest of the world. Always the last: the other labels' weights are measured against its own."""


ACCEPTED = (Label.DIRECT, Label.CALENDAR_QUERY, Label.CALENDAR_CREATE, Label.MAIL_QUERY, Label.MAIL_SEND)
