"""Parameters of operations: their checked types, and their canonical form.

Rules of this file
- Pure. Whoever fills parameters in (a rule, a model, a caller) goes through `canonical`, so that the same request has
  the same parameters whichever stage decided.
- What is not given is absent, not null and not empty.
"""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from router.language import pick

MAX_TEXT_CHARACTERS = 2000
"""Of one parameter: a long question fits, a pasted book does not."""
FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Nobody's calendar goes further, and at the ends of time there is no day before or after."""


class Params(BaseModel):
    """Parameters of one operation. Unknown names are refused: a parameter that does nothing is a misunderstanding."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, str_max_length=MAX_TEXT_CHARACTERS
    )


class NoParams(Params):
    """The operation takes none."""


def described(*, ko: str, en: str, **constraints: Any) -> FieldInfo:
    """A field with its description in both languages; constraints as pydantic's `Field` takes them."""
    field: FieldInfo = Field(description=en, json_schema_extra={"ko": ko}, **constraints)
    return field


def description(field: FieldInfo, language: str) -> str:
    """What the field is, in that language."""
    extra = field.json_schema_extra
    ko = str(extra["ko"]) if isinstance(extra, dict) and "ko" in extra else ""
    return pick(language, ko=ko, en=field.description or "")


def _existing_day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("no such day; write YYYY-MM-DD") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"wanted a year from {FIRST_YEAR} to {LAST_YEAR}")
    return day.isoformat()


def _existing_time(text: str) -> str:
    try:
        return time.fromisoformat(text).isoformat("minutes")
    except ValueError:
        raise ValueError("no such time; write HH:MM, 24-hour clock") from None


def _padded(value: Any) -> Any:
    # Models write 9:00 as often as 09:00, and some add the seconds.
    found = re.fullmatch(r"\s*([0-9]{1,2}):([0-9]{2})(?::00)?\s*", value) if isinstance(value, str) else None
    return f"{found[1]:0>2}:{found[2]}" if found else value


Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_existing_day)]
"""YYYY-MM-DD of a day that exists, in a year that people speak of."""
TimeOfDay = Annotated[
    str, Field(pattern=r"^[0-9]{2}:[0-9]{2}$"), AfterValidator(_existing_time), BeforeValidator(_padded)
]
"""HH:MM on the 24-hour clock."""


def canonical(params: type[BaseModel], raw: Mapping[str, Any]) -> dict[str, Any]:
    """`raw` checked: defaults filled in, what is null left out. Raises pydantic's ValidationError."""
    fields = named_fields(params)
    given = {name: value for name, value in raw.items() if not _absent(fields.get(name), value)}
    return params.model_validate(given).model_dump(mode="json", exclude_none=True, by_alias=True)


def named_fields(params: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The parameters by the names that callers give them; those of others may be no names in Python."""
    return {field.alias or name: field for name, field in params.model_fields.items()}


def _absent(field: FieldInfo | None, value: Any) -> bool:
    # Models write "" for an optional value that they do not want to give.
    optional = field is not None and not field.is_required() and field.default is None
    return value is None or (optional and value == "")


def explain_invalid(error: ValidationError, language: str) -> str:
    """One sentence for the user: which parameter is wrong, and how to give it."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    # A name that is not ours is somebody's text, and may be long.
    name = ".".join(map(str, first["loc"]))[:60]
    match first["type"]:
        case "missing":
            return pick(
                language, ko=f"'{name}' 값이 빠졌어요. 함께 알려 주세요.", en=f"'{name}' is missing. Please give it."
            )
        case "extra_forbidden":
            return pick(
                language,
                ko=f"'{name}'은(는) 없는 항목이에요. 빼고 다시 시도해 주세요.",
                en=f"'{name}' is not known here. Leave it out.",
            )
        case _:
            why = first["msg"].removeprefix("Value error, ")
            if not name:
                return pick(
                    language, ko=f"값이 서로 맞지 않아요 ({why}).", en=f"The values do not fit together ({why})."
                )
            return pick(language, ko=f"'{name}' 값이 맞지 않아요 ({why}).", en=f"'{name}' does not fit ({why}).")
