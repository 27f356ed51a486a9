import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.documents.passages import PASSAGE_CHARACTERS, first_title, joined, pieces
from tests.router.documents.given import LAW

LINES = st.lists(
    st.one_of(
        st.text(alphabet="가나다 .x\n", max_size=900),
        st.sampled_from(["# 제목", "## 둘째", "제6장 조치", "제3조(목적) 이 법은", "Chapter 2 Welding", "", " "]),
    ),
    max_size=12,
)


@given(LINES)
def test_a_passage_is_a_span_of_the_text_and_never_too_long(lines: list[str]) -> None:
    text = "\n".join(lines)
    for piece in pieces(text):
        assert text[piece.start : piece.start + len(piece.text)] == piece.text
        assert 0 < len(piece.text) <= PASSAGE_CHARACTERS
        assert piece.text == piece.text.strip()


@given(LINES)
def test_every_word_of_a_text_is_in_its_passages_or_in_a_heading_above_them(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = pieces(text)
    told = "".join((joined((one.start, one.text) for one in found) + "".join(one.heading for one in found)).split())
    if found:
        assert all(character in told or character == "#" for character in text if not character.isspace())


@given(st.text(alphabet="가 나.\n", max_size=3000).map(str.strip))
def test_a_text_without_headings_is_put_together_again(text: str) -> None:
    again = joined((one.start, one.text) for one in pieces(text))
    assert again.split() == text.split()


def test_an_article_stands_under_its_chapter_and_a_bare_chapter_is_no_passage() -> None:
    assert [one.heading for one in pieces(LAW)] == [
        "산업안전보건법 › 제1장 총칙 › 제1조(목적)",
        "산업안전보건법 › 제6장 유해·위험물질에 대한 조치 › 제104조(유해인자의 분류기준)",
        "산업안전보건법 › 제16장 보칙 › 제160조(서류의 보존)",
    ]


@pytest.mark.parametrize("line", ["제6조에 따라 신고한다.", "제6장에서 정한 바와 같다", "#태그", "sections are welded"])
def test_a_sentence_that_speaks_of_a_heading_is_none(line: str) -> None:
    assert [one.heading for one in pieces(f"{line}\n본문")] == [""]


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("## 용접 ##\n본문", "용접"),
        ("Section VIII Pressure vessels\nbody", "Section VIII Pressure vessels"),
        ("제2편 총칙\n제1장 정의\n제3절 범위\n본문", "제2편 총칙 › 제1장 정의 › 제3절 범위"),
        ("제5조의2(특례) 본문", "제5조의2(특례)"),
        ("# 가\n나\n# 다\n라", "가"),
    ],
)
def test_headings_are_those_of_markdown_and_of_laws(text: str, heading: str) -> None:
    assert pieces(text)[0].heading == heading


def test_a_chapter_at_the_end_is_a_passage_though_nothing_is_under_it() -> None:
    assert [one.text for one in pieces("제1장 총칙")] == ["제1장 총칙"]


def test_a_long_section_is_cut_after_a_paragraph_and_its_pieces_overlap() -> None:
    text = ("가" * 500 + ".\n\n") * 3
    first, second, *_ = pieces(text)
    assert first.text == "가" * 500 + "."
    assert second.start < first.start + len(first.text) + 2


def test_a_text_without_any_place_to_cut_is_cut_at_the_length() -> None:
    assert [len(one.text) for one in pieces("가" * 1000)] == [PASSAGE_CHARACTERS, 260]


@pytest.mark.parametrize(("text", "title"), [("## 둘\n# 하나\n", "하나"), ("제1장 총칙", None), ("", None)])
def test_a_text_is_called_what_its_first_heading_says(text: str, title: str | None) -> None:
    assert first_title(text) == title
