"""What a model is offered, and how what it wrote is read."""

import re
import time
from typing import Annotated, Any

import jsonschema
import pytest
from pydantic import ConfigDict, Field

from router.agent.functions import LONGEST_NAME, arguments, names, offered
from router.tool_calls import MOST_ARGUMENT_CHARACTERS
from router.tools.parameters import NoParams, Params, described
from router.tools.spec import Operation, Tool, ToolCall, ToolResult


class Where(Params):
    """A place."""

    place: Annotated[str, described(ko="장소", en="the place", min_length=1)]
    days: Annotated[int, described(ko="며칠", en="how many days", ge=1)] = 3


async def run(_call: ToolCall, _params: Any) -> ToolResult:
    return ToolResult("ok", {})


def tool(name: str, *operations: Operation, configured: bool = True) -> dict[str, Tool]:
    return {name: Tool(name, "도구", "tool", {one.name: one for one in operations}, configured)}


FORECAST = Operation("forecast", "날씨 보기", "look at the weather", Where, run)
CHANGE = Operation("change", "바꾸기", "change it", NoParams, run, writes=True)
FETCH = Operation("fetch", "가져오기", "fetch a page", Where, run, reaches_out=True)


def told(functions: Any) -> list[str]:
    return [one["function"]["name"] for one in functions]


@pytest.mark.parametrize(
    ("language", "title", "place"), [("ko", "날씨 보기", "장소"), ("en", "look at the weather", "the place")]
)
def test_a_function_is_told_in_one_language_with_a_schema_that_fits(language: str, title: str, place: str) -> None:
    [function] = offered(tool("weather", FORECAST), language)
    inner = function["function"]
    assert function["type"] == "function"
    assert (inner["name"], inner["description"]) == ("weather__forecast", title)
    assert inner["parameters"]["properties"]["place"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 2000,
        "description": place,
    }
    assert inner["parameters"]["required"] == ["place"]
    jsonschema.Draft202012Validator.check_schema(inner["parameters"])
    jsonschema.validate({"place": "서울", "days": 2}, inner["parameters"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"days": 0}, inner["parameters"])


def test_what_takes_nothing_has_an_empty_object_for_a_schema() -> None:
    [function] = offered(tool("t", Operation("now", "지금", "now", NoParams, run)), "en")
    assert function["function"]["parameters"]["type"] == "object"
    assert function["function"]["parameters"]["properties"] == {}


def test_what_changes_something_is_never_offered() -> None:
    assert told(offered(tool("t", FORECAST, CHANGE), "en")) == ["t__forecast"]


def test_what_reaches_other_servers_is_not_offered_to_whoever_has_read_what_others_wrote() -> None:
    both = tool("t", FORECAST, FETCH)
    assert told(offered(both, "en")) == ["t__forecast", "t__fetch"]
    assert told(offered(both, "en", has_read=True)) == ["t__forecast"]


def test_what_is_not_set_up_is_not_offered() -> None:
    assert offered(tool("t", FORECAST, configured=False), "en") == ()


def test_a_name_is_one_that_every_server_takes_and_leads_back() -> None:
    odd = tool("mcp.집/files", Operation("read.file" * 12, "읽기", "read", NoParams, run))
    [name] = told(offered(odd, "en"))
    assert re.fullmatch(rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}", name)
    assert names(odd)[name][0] == "mcp.집/files"


def test_of_two_that_would_have_the_same_name_the_first_has_it() -> None:
    first, second = tool("a.b", FORECAST), tool("a_b", FORECAST)
    assert names(first | second)["a_b__forecast"][0] == "a.b"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ("  ", {}),
        ("{'a': 1,}", {"a": 1}),
        ('{"a": "가', {"a": "가"}),
        ("[1, 2]", None),
        ("5", None),
        ("그냥 글", None),
        ("{" * 2000, None),
        ("[" * 2000, None),
    ],
)
def test_arguments_are_read_also_when_they_are_a_little_broken(text: str, value: Any) -> None:
    assert arguments(text) == value


def test_broken_arguments_that_would_take_long_to_repair_are_none() -> None:
    # Thirty thousand braces take seconds, and everybody waits for them.
    begun = time.thread_time()
    assert arguments("{" * MOST_ARGUMENT_CHARACTERS) is None
    assert time.thread_time() - begun < 1


def test_a_parameter_that_nobody_described_is_offered_all_the_same() -> None:
    class Plain(Params):
        """Of somebody else's."""

        model_config = ConfigDict(extra="forbid")
        to: int
        from_: Annotated[int, Field(alias="from")]

    [function] = offered(tool("t", Operation("go", "하기", "go", Plain, run)), "ko")
    assert list(function["function"]["parameters"]["properties"]) == ["to", "from"]
