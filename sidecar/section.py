"""What all sections of the configuration share: one strict model class, and the kinds of values that recur.

Rules of this file
- Strict: a number in quotes is no number, an unknown key is an error, a frozen section never changes.
- A kind that JSON Schema cannot say in words says itself in its `$comment`; messages and documentation print that.
- A validator refuses with `refused(...)`, which carries what was wanted, and never with the value itself.
"""

import ipaddress
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

REFUSED = "refused"
"""The error type of our own validators; its context holds `wanted`, and `found` where the value must not be shown."""


def refused(wanted: str, *, found: str | None = None) -> PydanticCustomError:
    """The error by which a validator refuses a value, to be raised."""
    context = {"wanted": wanted} if found is None else {"wanted": wanted, "found": found}
    return PydanticCustomError(REFUSED, "wanted {wanted}", context)


class Section(BaseModel):
    """A mapping of the configuration. An empty one (`sidecar:` with everything in it commented out) is all defaults."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _nothing_means_defaults(cls, value: Any) -> Any:
        return {} if value is None else value


def _nothing_means_no_items(value: Any) -> Any:
    return () if value is None else value


def _nothing_means_no_entries(value: Any) -> Any:
    return {} if value is None else value


EmptyList = BeforeValidator(_nothing_means_no_items)
"""For lists that are empty by default: the key with nothing after it means the same."""
EmptyMapping = BeforeValidator(_nothing_means_no_entries)
"""For mappings that are empty by default: the key with nothing after it means the same."""
ByName = Strict(False)
"""For enums: in a file they are written as their text."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Names become metric labels and header values, so they stay short and plain."""
NAME_WANTED = "a name of up to 64 letters, digits, dots, dashes and underscores that begins with a letter or digit"


def _plain_name(name: str) -> str:
    # fullmatch, since `$` also matches before a newline at the end
    if re.fullmatch(NAME_PATTERN, name) is None:
        raise refused(NAME_WANTED)
    return name


Name = Annotated[
    str,
    AfterValidator(_plain_name),
    Field(json_schema_extra={"pattern": NAME_PATTERN, "$comment": NAME_WANTED}),
]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
"""Prose. The bound keeps a pasted file out of every prompt."""
Word = Annotated[str, Field(min_length=1, max_length=200)]
"""A model's name, a keyword."""
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
"""A duration of up to one day."""
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]

LISTEN_WANTED = "HOST:PORT such as 127.0.0.1:8484 or [::1]:8484"


def split_listen(listen: str) -> tuple[str, int]:
    """Host (an IPv6 address without its brackets) and port (0: any free one). Raises the validator's error."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", listen)
    if found is None or int(found[3]) > 65_535:
        raise refused(LISTEN_WANTED)
    if found[1] is not None:
        try:
            ipaddress.IPv6Address(found[1])
        except ValueError:
            raise refused(LISTEN_WANTED) from None
    return found[1] or found[2], int(found[3])
