import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.folding import fold
from router.decide.lexicon import Kind, Lexicon

LEXICON = Lexicon.of({"gpu": (), "macmini": ("맥미니",)}, {"ollama-gpu": ()})


def kinds(text: str) -> list[Kind]:
    return [word.kind for word in LEXICON.read(fold(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("일정 알려줘", [Kind.CALENDAR, Kind.SHOW]),
        ("일정알려줘", [Kind.CALENDAR, Kind.SHOW]),
        ("일정을 좀 알려 주세요!", [Kind.CALENDAR, Kind.FILLER, Kind.SHOW]),
        ("회의실", [Kind.CHANGE]),
        ("일정한 속도", [Kind.UNKNOWN, Kind.UNKNOWN]),
        ("schedule a call", [Kind.ADD, Kind.FILLER, Kind.EVENT]),
        ("my schedule", [Kind.FILLER, Kind.CALENDAR]),
        ("scheduled", [Kind.UNKNOWN]),
        ("what's up", [Kind.SHOW, Kind.ALIVE]),
        ("메일메일메일메일메일메일메일메일", [Kind.UNKNOWN]),
    ],
)
def test_words_are_known_by_kind_with_particles_and_written_together(text: str, expected: list[Kind]) -> None:
    assert kinds(text) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("GPU는", "gpu"),
        ("gpu서버", "gpu"),
        ("맥미니의 상태", "macmini"),
        ("ollama gpu", "ollama-gpu"),
        ("Ollama-GPU", "ollama-gpu"),
    ],
)
def test_the_operator_s_names_are_known(text: str, name: str) -> None:
    assert LEXICON.read(text)[0].name == name


@given(st.text())
def test_every_letter_of_any_text_is_in_some_word(text: str) -> None:
    folded = fold(text)
    written = "".join(word.written for word in LEXICON.read(folded)).replace(" ", "")
    noise = set(' ?!.,~"()[]:;…')
    assert [c for c in written if c not in noise] == [c for c in folded if c not in noise and not c.isspace()]
