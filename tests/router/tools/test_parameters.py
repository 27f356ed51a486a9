from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from router.tools.calendars import CreateDraft, Search
from router.tools.parameters import MAX_TEXT_CHARACTERS, canonical, description, explain_invalid
from router.tools.registry import build

PARAMS = [operation.params for tool in build().values() for operation in tool.operations.values()]


@pytest.mark.parametrize(
    ("written", "time"), [("09:00", "09:00"), ("9:00", "09:00"), ("23:59:00", "23:59"), (" 7:30 ", "07:30")]
)
def test_times_are_padded(written: str, time: str) -> None:
    assert canonical(CreateDraft, {"title": "x", "date": "2026-11-26", "time": written})["time"] == time


@pytest.mark.parametrize("time", ["24:00", "12:60", "3pm", "9", "12:00:30", 900, ["9:00"]])
def test_what_is_no_time_is_refused(time: object) -> None:
    with pytest.raises(ValidationError):
        canonical(CreateDraft, {"title": "x", "date": "2026-11-26", "time": time})


@pytest.mark.parametrize("day", ["2026-02-29", "2026-13-01", "26-01-01", "20260101", "2026-W01-1", "내일", "2026-1-1"])
def test_what_is_no_day_is_refused(day: str) -> None:
    with pytest.raises(ValidationError):
        canonical(Search, {"date_from": day, "date_to": day})


def test_an_empty_title_and_an_endless_one_are_refused() -> None:
    for title in ("", "   ", "x" * (MAX_TEXT_CHARACTERS + 1)):
        with pytest.raises(ValidationError):
            canonical(CreateDraft, {"title": title, "date": "2026-11-26"})


def test_a_foreign_field_has_no_korean_description() -> None:
    class Plain(BaseModel):
        a: int = Field(description="number")
        b: int

    assert description(Plain.model_fields["a"], "ko") == ""
    assert description(Plain.model_fields["b"], "en") == ""


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"date_from": "x", "date_to": "y"},
        {"date_from": "2026-11-26", "date_to": "2026-11-25"},
        {"date_from": "2026-11-26", "date_to": "2026-11-26", "\ud800" * 100: 1},
    ],
)
def test_what_is_wrong_is_one_short_sentence_that_can_be_sent(language: str, raw: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        canonical(Search, raw)
    sentence = explain_invalid(raised.value, language)
    assert sentence.encode()
    assert len(sentence) < 160


_VALUES = st.none() | st.integers() | st.text(max_size=10) | st.sampled_from(["2026-11-26", "9:00", "18:30", "3"])


@given(
    st.sampled_from(PARAMS),
    st.dictionaries(
        st.sampled_from(
            ["query", "days", "uid", "title", "date", "time", "end_time", "date_from", "date_to", "host", "service"]
        ),
        _VALUES,
        max_size=5,
    ),
)
def test_the_canonical_form_of_a_canonical_form_is_itself(params: type[BaseModel], raw: dict[str, Any]) -> None:
    try:
        once = canonical(params, raw)
    except ValidationError:
        return
    assert canonical(params, once) == once
    assert None not in once.values()
