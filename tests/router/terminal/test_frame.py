"""Frames of `maek top`: golden ones under tests/data/top/, and what holds for any."""

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.language import Language
from router.terminal.cells import Style, cells, plain
from router.terminal.fleet import Fleet
from router.terminal.frame import Scene, frame, room
from router.terminal.view import History, Sort, View, shown
from tests.router.terminal.fleets import backend, fleet_of, mixed_fleet

GOLDEN = Path(__file__).parents[2] / "data" / "top"
SCENE = Scene("http://127.0.0.1:8484", "15:06:47")
EN = View(Language.EN)


class Size(NamedTuple):
    """Of a terminal; without lines: a pipe."""

    width: int
    lines: int | None


def drawn(fleet: Fleet | None, view: View, size: Size, scene: Scene = SCENE) -> str:
    """The frame as text."""
    seen = view if fleet is None else shown(view, fleet, room(size.lines or 24))
    return "\n".join(plain(line) for line in frame(fleet, seen, scene, *size)) + "\n"


@pytest.mark.parametrize(
    ("name", "view", "size"),
    [
        ("en-80x24", View(Language.EN, selected="rtx4090"), Size(80, 24)),
        ("ko-80x24", View(Language.KO, selected="rtx4090", history=History.TTFT), Size(80, 24)),
        ("en-80x12-by-state-paused", View(Language.EN, sort=Sort.LEVEL, paused=True), Size(80, 12)),
        ("ko-60x16", View(Language.KO), Size(60, 16)),
        ("en-40x10", View(Language.EN, selected="nas"), Size(40, 10)),
        ("en-120-pipe", View(Language.EN), Size(120, None)),
    ],
)
def test_the_frame_looks_like_this(name: str, view: View, size: Size) -> None:
    assert drawn(mixed_fleet(), view, size) == (GOLDEN / f"{name}.txt").read_text("utf-8")


names = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=70)
told = st.builds(
    lambda name, state, **load: backend(name, **state, **load),
    names,
    st.sampled_from([{}, {"verdict": "down"}, {"loading": True}, {"resting_seconds": 1e9}, {"circuit": "half_open"}]),
    level=st.sampled_from([None, "free", "very_busy", "a level of tomorrow"]),
    set_by=st.sampled_from([None, "in_flight", "inference_latency", "a_signal_of_tomorrow"]),
    slots=st.none() | st.integers(1, 10**9),
    in_flight=st.integers(0, 10**9),
    tokens=st.integers(0, 10**12),
    last_failure=st.none() | st.just({"outcome": "backend_error", "seconds_ago": 1e6}),
    url=names,
)
fleets = st.lists(told, max_size=60, unique_by=lambda one: one["name"]).map(lambda many: fleet_of(*many, total=10**12))
views = st.builds(View, st.sampled_from(Language), st.sampled_from(Sort), st.sampled_from(History), st.booleans())
sizes = st.builds(Size, st.integers(40, 250), st.none() | st.integers(1, 80))
scenes = st.builds(Scene, names, st.just("15:06:47"), st.none() | names)


@given(st.none() | fleets, views, sizes, scenes)
def test_no_line_is_wider_than_the_terminal_and_none_is_too_many(
    fleet: Fleet | None, view: View, size: Size, scene: Scene
) -> None:
    lines = drawn(fleet, view, size, scene).removesuffix("\n").split("\n")
    assert max(cells(line) for line in lines) <= size.width
    assert size.lines is None or len(lines) <= size.lines
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("lines", range(5, 60))
def test_every_line_of_the_terminal_is_used_once_there_are_enough_backends(lines: int) -> None:
    many = fleet_of(*(backend(f"b{number}") for number in range(60)))
    seen = shown(EN, many, room(lines))
    assert len(frame(many, seen, SCENE, 80, lines)) == lines


def test_fifty_backends_scroll_and_say_which_part_is_seen() -> None:
    many = fleet_of(*(backend(f"b{number:02}") for number in range(50)))
    text = drawn(many, View(Language.EN, selected="b30"), Size(80, 24))
    assert "  b18 " in text
    assert ">  b30" not in text
    assert "> b30 " in text
    assert "  b17 " not in text
    assert "19-31/50" in text


@pytest.mark.parametrize("language", [*Language])
@pytest.mark.parametrize("width", range(40, 90, 7))
def test_keys_that_do_not_fit_are_left_out_whole(width: int, language: Language) -> None:
    many = fleet_of(*(backend(f"b{number:02}") for number in range(50)))
    foot = drawn(many, View(language), Size(width, 24)).splitlines()[-1]
    assert "…" not in foot
    assert foot.startswith("1-13/50  q ")


def test_a_server_that_is_gone_is_said_and_what_was_seen_last_stays() -> None:
    gone = Scene(SCENE.url, SCENE.clock, "no answer for 12 s, asking again")
    lines = drawn(mixed_fleet(), EN, Size(80, 24), gone).splitlines()
    assert lines[1] == "no answer for 12 s, asking again"
    assert any("rtx4090" in line for line in lines)


def test_before_the_first_answer_there_is_a_line_that_says_so() -> None:
    assert drawn(None, EN, Size(80, 24)).splitlines()[1] == "waiting for the first answer…"


def test_beside_one_backend_it_is_a_sidecar_and_its_jobs_are_everybody_s() -> None:
    text = drawn(fleet_of(backend("mini", active_jobs=3), is_router=False), EN, Size(80, 24))
    assert text.startswith("maek sidecar  127.0.0.1:8484  1 of 1 up")
    assert "jobs" in text.splitlines()[3]
    assert "3/4" in text.splitlines()[4]


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("h100", Style.NOTE),
        ("rtx4090", Style.WORST),
        ("mac-studio", Style.GOOD),
        ("nas", Style.WORST),
        ("맥미니", Style.WARN),
    ],
)
def test_colours_say_how_it_is(name: str, style: Style) -> None:
    line = next(
        line for line in frame(mixed_fleet(), EN, SCENE, 80, 24) if any(name == span.text.strip() for span in line)
    )
    assert style in {span.style for span in line}
