# ruff: noqa: E501 - a table
"""The calls of tools in a stream, whichever way a server cuts them."""

import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.tool_calls import MOST_ARGUMENT_CHARACTERS, MOST_CALLS, FunctionCall, ToolCalls


def read(*deltas: list[Any]) -> tuple[FunctionCall, ...]:
    calls = ToolCalls()
    for delta in deltas:
        calls.feed(delta)
    return calls.whole()


def piece(arguments: Any = "", **fields: Any) -> dict[str, Any]:
    name = fields.pop("name", None)
    return {**fields, "function": {"arguments": arguments} | ({} if name is None else {"name": name})}


calls_made = st.lists(
    st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=20)).map(lambda pair: {"n": pair[0], "a": pair[1]}),
    min_size=1,
    max_size=4,
)


@given(calls_made, st.data())
def test_numbered_pieces_come_together_wherever_they_were_cut(made: list[dict[str, str]], data: st.DataObject) -> None:
    deltas, expected = [], []
    for number, call in enumerate(made):
        arguments = orjson.dumps({"q": call["a"]}).decode()
        expected.append(FunctionCall(f"id{number}", call["n"], arguments))
        cuts = sorted(data.draw(st.sets(st.integers(1, len(arguments) - 1), max_size=4)))
        deltas.append([piece(index=number, id=f"id{number}", name=call["n"])])
        deltas += [[piece(arguments[a:b], index=number)] for a, b in itertools.pairwise([0, *cuts, len(arguments)])]
    assert read(*deltas) == tuple(expected)


@pytest.mark.parametrize(
    ("deltas", "made"),
    [
        # whole calls without numbers, as mlx_lm.server sends them
        ([[piece('{"a":1}', id="x", name="f")], [piece("{}", id="y", name="g")]], [("f", '{"a":1}'), ("g", "{}")]),
        # and without ids
        ([[piece("{}", name="f"), piece("{}", name="g")]], [("f", "{}"), ("g", "{}")]),
        # all of them number 0, told apart by id
        ([[piece("{}", index=0, id="x", name="f")], [piece("{}", index=0, id="y", name="g")]], [("f", "{}"), ("g", "{}")]),
        # id and name said again with every piece
        ([[piece("{", index=0, id="x", name="f")], [piece("}", index=0, id="x", name="f")]], [("f", "{}")]),
        # numbered ones that come by turns
        (
            [[piece("{", index=0, name="f"), piece("[", index=1, name="g")], [piece("}", index=0)], [piece("]", index=1)]],
            [("f", "{}"), ("g", "[]")],
        ),
        # arguments as an object
        ([[piece({"a": "가"}, index=0, name="f")]], [("f", '{"a":"가"}')]),
        # no arguments at all
        ([[piece(None, index=0, name="f")]], [("f", "{}")]),
        # no name, nonsense
        ([[piece("{}", index=0)], ["x", None, 5, {"function": "f"}, {}]], []),
    ],
)  # fmt: skip
def test_what_servers_send(deltas: list[list[Any]], made: list[tuple[str, str]]) -> None:
    assert [(call.name, call.arguments) for call in read(*deltas)] == made


def test_a_call_without_an_id_gets_one() -> None:
    assert [call.id for call in read([piece(name="f"), piece(name="g")])] == ["call_0", "call_1"]


def test_a_model_that_does_not_stop_is_cut() -> None:
    many = read(*[[piece("{}", index=number, name="f")] for number in range(MOST_CALLS + 5)])
    [long] = read([piece("x" * MOST_ARGUMENT_CHARACTERS, index=0, name="f")], [piece("y", index=0)])
    assert len(many) == MOST_CALLS
    assert long.arguments == "x" * MOST_ARGUMENT_CHARACTERS


def test_whether_there_is_any() -> None:
    calls = ToolCalls()
    assert not calls
    calls.feed([piece(index=0, name="f")])
    assert calls
